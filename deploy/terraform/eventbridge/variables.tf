variable "name" {
  description = "Name of everything created here."
  type        = string
  default     = "event-history"

  validation {
    condition     = can(regex("^[A-Za-z0-9-]{1,50}$", var.name))
    error_message = "Must be 1 to 50 letters, digits and hyphens: names of roles, queues and rules are derived from it."
  }
}

variable "service_url" {
  description = "Base of the service, such as https://history.example.com. EventBridge requires HTTPS with a publicly trusted certificate."
  type        = string

  validation {
    condition     = can(regex("^https://[^/?#]+(/[^?#]*[^/?#])?$", var.service_url))
    error_message = "Must be an https URL without a trailing slash."
  }
}

variable "api_key" {
  description = "API key that the service accepts. It is stored in the Terraform state and in a secret managed by EventBridge."
  type        = string
  sensitive   = true
}

variable "event_bus_name" {
  description = "Existing bus on which the platform puts its events."
  type        = string
  default     = "default"
}

variable "event_pattern" {
  description = "Pattern of the events that belong in the history. The service takes the tenant from `source` (or what --tenant-from says), so match that or the detail type."
  type        = any
  default = {
    "detail-type" = ["history"]
  }
}

variable "invocations_per_second" {
  description = "Maximum rate at which EventBridge sends; more queues on its side."
  type        = number
  default     = 300

  validation {
    condition     = var.invocations_per_second >= 1 && floor(var.invocations_per_second) == var.invocations_per_second
    error_message = "Must be a whole number, 1 or more."
  }
}

variable "name" {
  description = "Name of everything that is made here."
  type        = string
  default     = "event-history"

  validation {
    condition     = can(regex("^[A-Za-z0-9-]{1,50}$", var.name))
    error_message = "Letters, digits and hyphens, 50 at most: names of roles, queues and rules are made of it."
  }
}

variable "service_url" {
  description = "Base of the service, such as https://history.example.com. EventBridge wants HTTPS with a certificate that the public trusts."
  type        = string

  validation {
    condition     = can(regex("^https://[^/?#]+(/[^?#]*[^/?#])?$", var.service_url))
    error_message = "An https URL without a slash at its end."
  }
}

variable "api_key" {
  description = "API key that the service accepts. It ends up in the Terraform state and in a secret that EventBridge keeps."
  type        = string
  sensitive   = true
}

variable "event_bus_name" {
  description = "Bus on which the platform puts its events."
  type        = string
  default     = "default"
}

variable "event_pattern" {
  description = "Which events of the bus are history. The service takes the tenant from `source` (or what --tenant-from says), so match that or the detail type."
  type        = any
  default = {
    "detail-type" = ["history"]
  }
}

variable "invocations_per_second" {
  description = "What EventBridge sends at most; more waits on its side."
  type        = number
  default     = 300

  validation {
    condition     = var.invocations_per_second >= 1 && floor(var.invocations_per_second) == var.invocations_per_second
    error_message = "A whole number, 1 or more."
  }
}

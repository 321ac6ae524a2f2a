variable "name" {
  description = "Name of everything created here."
  type        = string
  default     = "event-history-forward"

  validation {
    condition     = can(regex("^[A-Za-z0-9-]{1,50}$", var.name))
    error_message = "Must be 1 to 50 letters, digits and hyphens: names of roles, queues and rules are derived from it."
  }
}

variable "service_url" {
  description = "Base URL of the service as the function reaches it. With `subnet_ids` it may be private, and plain HTTP."
  type        = string

  validation {
    condition     = can(regex("^https?://[^/?#]+(/[^?#]*[^/?#])?$", var.service_url))
    error_message = "Must be an http or https URL without a trailing slash."
  }
}

variable "api_key_secret_arn" {
  description = "Secret in Secrets Manager whose text is the API key."
  type        = string
}

variable "event_bus_name" {
  description = "Existing bus on which the platform puts its events."
  type        = string
  default     = "default"
}

variable "event_pattern" {
  description = "Pattern of the events that belong in the history."
  type        = any
  default = {
    "detail-type" = ["history"]
  }
}

variable "subnet_ids" {
  description = "Private subnets for a service that has no public address. They need a route to Secrets Manager."
  type        = list(string)
  default     = []
}

variable "security_group_ids" {
  description = "Security groups of the function in those subnets."
  type        = list(string)
  default     = []
}

variable "redrive" {
  description = "Whether the function sends the events of the dead-letter queue again: enable it after an outage, and disable it when the queue is empty."
  type        = bool
  default     = false
}

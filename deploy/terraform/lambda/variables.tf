variable "name" {
  description = "Name of everything that is made here."
  type        = string
  default     = "event-history-forward"

  validation {
    condition     = can(regex("^[A-Za-z0-9-]{1,50}$", var.name))
    error_message = "Letters, digits and hyphens, 50 at most: names of roles, queues and rules are made of it."
  }
}

variable "service_url" {
  description = "Base of the service as the function reaches it. With `subnet_ids` it may be private, and plain HTTP."
  type        = string

  validation {
    condition     = can(regex("^https?://[^/?#]+(/[^?#]*[^/?#])?$", var.service_url))
    error_message = "An http or https URL without a slash at its end."
  }
}

variable "api_key_secret_arn" {
  description = "Secret in Secrets Manager whose text is the API key."
  type        = string
}

variable "event_bus_name" {
  description = "Bus on which the platform puts its events."
  type        = string
  default     = "default"
}

variable "event_pattern" {
  description = "Which events of the bus are history."
  type        = any
  default = {
    "detail-type" = ["history"]
  }
}

variable "subnet_ids" {
  description = "Private subnets for a service that has no public address. They need a way to Secrets Manager."
  type        = list(string)
  default     = []
}

variable "security_group_ids" {
  description = "Security groups of the function in those subnets."
  type        = list(string)
  default     = []
}

variable "redrive" {
  description = "Whether the function takes what lies in the dead-letter queue and sends it again: switch it on when an outage is over, and off when the queue is empty."
  type        = bool
  default     = false
}

output "api_destination_arn" {
  description = "The API destination."
  value       = aws_cloudwatch_event_api_destination.this.arn
}

output "rule_arn" {
  description = "The rule."
  value       = aws_cloudwatch_event_rule.this.arn
}

output "dead_letter_queue_url" {
  description = "Queue of the events that could not be delivered. Alert when it is not empty."
  value       = aws_sqs_queue.dead_letters.id
}

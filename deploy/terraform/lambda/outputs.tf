output "function_arn" {
  description = "The function."
  value       = aws_lambda_function.this.arn
}

output "dead_letter_queue_url" {
  description = "Queue of the events that could not be delivered. Alert when it is not empty."
  value       = aws_sqs_queue.dead_letters.id
}

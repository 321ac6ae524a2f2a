# An event bus -> a rule -> a Lambda function -> POST /api/event-bridge/create-event of the service.
#
# For a service that EventBridge cannot reach: without a public address, or with a private certificate. The bus
# must exist (`event_bus_name`). Lambda retries a failed invocation twice within minutes. After that the event is in
# the dead-letter queue, and `redrive` sends it again.

locals {
  # Lambda's maximum for an invocation that raised. (It retries throttled invocations for hours.)
  retry_attempts = 2
  retry_seconds  = 6 * 60 * 60

  dead_letters_seconds = 14 * 24 * 60 * 60 # the maximum of SQS
  log_days             = 30

  # The function's requests time out after 4.5 s.
  function_seconds = 10
}

data "archive_file" "function" {
  type        = "zip"
  source_file = "${path.module}/../../lambda/forward.py"
  output_path = "${path.root}/.terraform/${var.name}.zip"
}

resource "aws_lambda_function" "this" {
  function_name    = var.name
  description      = "Forwards events to Event History"
  role             = aws_iam_role.function.arn
  runtime          = "python3.13"
  architectures    = ["arm64"]
  handler          = "forward.handler"
  filename         = data.archive_file.function.output_path
  source_code_hash = data.archive_file.function.output_base64sha256
  timeout          = local.function_seconds
  memory_size      = 256

  environment {
    variables = {
      EVENT_HISTORY_URL            = var.service_url
      EVENT_HISTORY_API_KEY_SECRET = var.api_key_secret_arn

      # As `function_response_types` below says.
      EVENT_HISTORY_REPORT_BATCH_ITEM_FAILURES = "true"
    }
  }

  dynamic "vpc_config" {
    for_each = length(var.subnet_ids) > 0 ? [true] : []

    content {
      subnet_ids         = var.subnet_ids
      security_group_ids = var.security_group_ids
    }
  }

  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.function]
}

resource "aws_lambda_function_event_invoke_config" "this" {
  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = local.retry_attempts
  maximum_event_age_in_seconds = local.retry_seconds

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead_letters.arn
    }
  }
}

resource "aws_lambda_permission" "events" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this.arn
}

# One message at a time: the function's timeout is for one.
resource "aws_lambda_event_source_mapping" "redrive" {
  event_source_arn        = aws_sqs_queue.dead_letters.arn
  function_name           = aws_lambda_function.this.arn
  function_response_types = ["ReportBatchItemFailures"]
  batch_size              = 1
  enabled                 = var.redrive
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = local.log_days
}

resource "aws_cloudwatch_event_rule" "this" {
  name           = var.name
  description    = "Events that belong in the history"
  event_bus_name = var.event_bus_name
  event_pattern  = jsonencode(var.event_pattern)
}

resource "aws_cloudwatch_event_target" "this" {
  rule           = aws_cloudwatch_event_rule.this.name
  event_bus_name = var.event_bus_name
  target_id      = var.name
  arn            = aws_lambda_function.this.arn

  # For the rare invocation that Lambda does not accept.
  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }

  # Without these, a first event could be neither delivered nor kept.
  depends_on = [aws_lambda_permission.events, aws_sqs_queue_policy.dead_letters]
}

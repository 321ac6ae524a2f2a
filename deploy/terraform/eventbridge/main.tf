# An event bus -> a rule -> an API destination -> POST /api/event-bridge/create-event of the service.
#
# The bus must exist (`event_bus_name`). docs/eventbridge.md says what EventBridge does with each response of the
# service: it retries what may succeed later, and moves the rest to the dead-letter queue.

locals {
  # EventBridge's maximum and default for both. An outage of a day loses nothing.
  retry_seconds  = 24 * 60 * 60
  retry_attempts = 185

  dead_letters_seconds = 14 * 24 * 60 * 60 # the maximum of SQS
}

resource "aws_cloudwatch_event_connection" "this" {
  name               = var.name
  description        = "API key of Event History"
  authorization_type = "API_KEY"

  auth_parameters {
    api_key {
      key   = "X-API-Key"
      value = var.api_key
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "this" {
  name                             = var.name
  description                      = "Event History"
  connection_arn                   = aws_cloudwatch_event_connection.this.arn
  http_method                      = "POST"
  invocation_endpoint              = "${var.service_url}/api/event-bridge/create-event"
  invocation_rate_limit_per_second = var.invocations_per_second
}

resource "aws_cloudwatch_event_rule" "this" {
  name           = var.name
  description    = "Events that belong in the history"
  event_bus_name = var.event_bus_name
  event_pattern  = jsonencode(var.event_pattern)
}

# No input_path and no transformer: the service reads the whole envelope, including `source` and `time`.
resource "aws_cloudwatch_event_target" "this" {
  rule           = aws_cloudwatch_event_rule.this.name
  event_bus_name = var.event_bus_name
  target_id      = var.name
  arn            = aws_cloudwatch_event_api_destination.this.arn
  role_arn       = aws_iam_role.invoke.arn

  retry_policy {
    maximum_event_age_in_seconds = local.retry_seconds
    maximum_retry_attempts       = local.retry_attempts
  }

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }

  # A target without permission to invoke, or to write to the queue, would lose events.
  depends_on = [aws_iam_role_policy.invoke, aws_sqs_queue_policy.dead_letters]
}

resource "aws_iam_role" "invoke" {
  name_prefix        = substr("${var.name}-invoke-", 0, 38)
  description        = "Lets EventBridge send to the API destination of Event History"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    # Only for this rule, not for any other that names the role.
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.this.arn]
    }
  }
}

resource "aws_iam_role_policy" "invoke" {
  name   = "invoke-api-destination"
  role   = aws_iam_role.invoke.id
  policy = data.aws_iam_policy_document.invoke.json
}

data "aws_iam_policy_document" "invoke" {
  statement {
    actions   = ["events:InvokeApiDestination"]
    resources = [aws_cloudwatch_event_api_destination.this.arn]
  }
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = local.dead_letters_seconds
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id
  policy    = data.aws_iam_policy_document.dead_letters.json
}

data "aws_iam_policy_document" "dead_letters" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letters.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.this.arn]
    }
  }
}

# The accepting half of the order-processing sample for Terraform. (The table follows with DynamoDB.)
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {}

variable "currency" {
  default = "EUR"
}

variable "memory" {
  default = 512
}

variable "archive" {
  description = "A zip of src/create."
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "create" {
  name               = "create-order"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.create.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_iam_role_policy" "send" {
  role = aws_iam_role.create.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.orders.arn }]
  })
}

resource "aws_sqs_queue" "orders" {
  name                       = "terraform-orders"
  visibility_timeout_seconds = 60
}

resource "aws_s3_bucket" "code" {
  bucket = "terraform-orders-code"
}

resource "aws_s3_object" "create" {
  bucket = aws_s3_bucket.code.id
  key    = "create.zip"
  source = var.archive
  etag   = filemd5(var.archive)
}

resource "aws_lambda_function" "create" {
  function_name    = "terraform-create-order"
  role             = aws_iam_role.create.arn
  runtime          = "python3.12"
  handler          = "app.handler"
  s3_bucket        = aws_s3_object.create.bucket
  s3_key           = aws_s3_object.create.key
  source_code_hash = filebase64sha256(var.archive)
  memory_size      = var.memory
  timeout          = 10
  environment {
    variables = {
      CURRENCY  = aws_ssm_parameter.currency.value
      QUEUE_URL = aws_sqs_queue.orders.url
    }
  }
}

resource "aws_lambda_function_url" "create" {
  function_name      = aws_lambda_function.create.function_name
  authorization_type = "NONE"
}

resource "aws_ssm_parameter" "currency" {
  name  = "/terraform-orders/currency"
  type  = "String"
  value = var.currency
}

output "create_order_url" {
  value = aws_lambda_function_url.create.function_url
}

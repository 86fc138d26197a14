# An HTTP API and a WebSocket API: applied, planned again, changed, destroyed.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
variable "archive" {}
variable "key" { default = "GET /pets/{id}" }

provider "aws" {}

resource "aws_iam_role" "r" {
  name = "http-apis"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}
resource "aws_lambda_function" "f" {
  function_name = "http-apis"
  role          = aws_iam_role.r.arn
  runtime       = "python3.12"
  handler       = "app.handler"
  filename      = var.archive
}
resource "aws_lambda_permission" "p" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.f.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.web.execution_arn}/*/*"
}
resource "aws_cloudwatch_log_group" "access" { name = "/http-apis" }
resource "aws_apigatewayv2_api" "web" {
  name          = "web"
  protocol_type = "HTTP"
  tags          = { a = "1" }
  cors_configuration {
    allow_origins = ["https://a.example"]
    allow_methods = ["GET"]
    max_age       = 60
  }
}
resource "aws_apigatewayv2_integration" "web" {
  api_id                 = aws_apigatewayv2_api.web.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.f.invoke_arn
  payload_format_version = "2.0"
  request_parameters     = { "append:header.x-added" = "$context.requestId" }
}
resource "aws_apigatewayv2_authorizer" "web" {
  api_id           = aws_apigatewayv2_api.web.id
  name             = "tokens"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]
  jwt_configuration {
    issuer   = "https://issuer.example"
    audience = ["me"]
  }
}
resource "aws_apigatewayv2_route" "open" {
  api_id    = aws_apigatewayv2_api.web.id
  route_key = var.key
  target    = "integrations/${aws_apigatewayv2_integration.web.id}"
}
resource "aws_apigatewayv2_route" "closed" {
  api_id               = aws_apigatewayv2_api.web.id
  route_key            = "POST /pets"
  target               = "integrations/${aws_apigatewayv2_integration.web.id}"
  authorization_type   = "JWT"
  authorizer_id        = aws_apigatewayv2_authorizer.web.id
  authorization_scopes = ["write"]
}
resource "aws_apigatewayv2_stage" "web" {
  api_id          = aws_apigatewayv2_api.web.id
  name            = "$default"
  auto_deploy     = true
  stage_variables = { v = "1" }
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format          = "$context.requestId $context.status"
  }
  default_route_settings {
    throttling_burst_limit = 100
    throttling_rate_limit  = 100
  }
}
resource "aws_apigatewayv2_api" "chat" {
  name                       = "chat"
  protocol_type              = "WEBSOCKET"
  route_selection_expression = "$request.body.action"
}
resource "aws_apigatewayv2_integration" "chat" {
  api_id           = aws_apigatewayv2_api.chat.id
  integration_type = "AWS_PROXY"
  integration_uri  = aws_lambda_function.f.invoke_arn
}
resource "aws_apigatewayv2_route" "chat" {
  api_id                              = aws_apigatewayv2_api.chat.id
  route_key                           = "$default"
  target                              = "integrations/${aws_apigatewayv2_integration.chat.id}"
  route_response_selection_expression = "$default"
}
resource "aws_apigatewayv2_route_response" "chat" {
  api_id             = aws_apigatewayv2_api.chat.id
  route_id           = aws_apigatewayv2_route.chat.id
  route_response_key = "$default"
}
resource "aws_apigatewayv2_deployment" "chat" {
  api_id     = aws_apigatewayv2_api.chat.id
  depends_on = [aws_apigatewayv2_route.chat]
  lifecycle { create_before_destroy = true }
}
resource "aws_apigatewayv2_stage" "chat" {
  api_id        = aws_apigatewayv2_api.chat.id
  name          = "dev"
  deployment_id = aws_apigatewayv2_deployment.chat.id
}
resource "aws_apigatewayv2_vpc_link" "l" {
  name               = "link"
  security_group_ids = []
  subnet_ids         = ["subnet-1"]
}
output "endpoint" { value = aws_apigatewayv2_stage.web.invoke_url }
output "id" { value = aws_apigatewayv2_api.web.id }

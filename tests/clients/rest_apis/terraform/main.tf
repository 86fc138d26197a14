terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
variable "endpoint" {}
provider "aws" {
  region = "us-east-1"
  access_key = "test"
  secret_key = "test"
  skip_credentials_validation = true
  skip_metadata_api_check = true
  skip_requesting_account_id = true
  endpoints {
    apigateway = var.endpoint
    lambda = var.endpoint
    iam = var.endpoint
    sts = var.endpoint
  }
}
resource "aws_api_gateway_rest_api" "shop" {
  name = "shop"
  description = var.description
  binary_media_types = ["image/jpg"]
  endpoint_configuration { types = ["REGIONAL"] }
  tags = { team = var.description }
}
resource "aws_api_gateway_resource" "item" {
  rest_api_id = aws_api_gateway_rest_api.shop.id
  parent_id = aws_api_gateway_rest_api.shop.root_resource_id
  path_part = "{id}"
}
resource "aws_api_gateway_model" "order" {
  rest_api_id = aws_api_gateway_rest_api.shop.id
  name = "Order"
  content_type = "application/json"
  schema = jsonencode({ type = "object", required = ["n"] })
}
resource "aws_api_gateway_request_validator" "v" {
  rest_api_id = aws_api_gateway_rest_api.shop.id
  name = "v"
  validate_request_body = true
}
resource "aws_api_gateway_method" "get" {
  rest_api_id = aws_api_gateway_rest_api.shop.id
  resource_id = aws_api_gateway_resource.item.id
  http_method = "POST"
  authorization = "NONE"
  api_key_required = true
  request_validator_id = aws_api_gateway_request_validator.v.id
  request_models = { "application/json" = aws_api_gateway_model.order.name }
  request_parameters = { "method.request.path.id" = true, "method.request.header.q" = false }
}
resource "aws_api_gateway_integration" "get" {
  rest_api_id = aws_api_gateway_rest_api.shop.id
  resource_id = aws_api_gateway_resource.item.id
  http_method = aws_api_gateway_method.get.http_method
  type = "MOCK"
  request_templates = { "application/json" = "{\"statusCode\": 200}" }
}
resource "aws_api_gateway_method_response" "ok" {
  rest_api_id = aws_api_gateway_rest_api.shop.id
  resource_id = aws_api_gateway_resource.item.id
  http_method = aws_api_gateway_method.get.http_method
  status_code = "200"
  response_parameters = { "method.response.header.X" = true }
}
resource "aws_api_gateway_integration_response" "ok" {
  rest_api_id = aws_api_gateway_rest_api.shop.id
  resource_id = aws_api_gateway_resource.item.id
  http_method = aws_api_gateway_method.get.http_method
  status_code = aws_api_gateway_method_response.ok.status_code
  response_parameters = { "method.response.header.X" = "'y'" }
  response_templates = { "application/json" = "{\"id\": \"$input.params('id')\", \"v\": \"$stageVariables.v\"}" }
  depends_on = [aws_api_gateway_integration.get]
}
resource "aws_api_gateway_gateway_response" "bad" {
  rest_api_id = aws_api_gateway_rest_api.shop.id
  response_type = "BAD_REQUEST_BODY"
  status_code = "423"
  response_templates = { "application/json" = "{\"m\": $context.error.messageString}" }
  response_parameters = { "gatewayresponse.header.Y" = "'y'" }
}
resource "aws_api_gateway_deployment" "d" {
  rest_api_id = aws_api_gateway_rest_api.shop.id
  triggers = { always = var.description }
  depends_on = [aws_api_gateway_integration_response.ok, aws_api_gateway_gateway_response.bad]
  lifecycle { create_before_destroy = true }
}
variable "description" { default = "a" }
variable "rate" { default = 100 }
resource "aws_api_gateway_stage" "dev" {
  rest_api_id = aws_api_gateway_rest_api.shop.id
  deployment_id = aws_api_gateway_deployment.d.id
  stage_name = "dev"
  variables = { v = var.description }
  tags = { s = "t" }
}
resource "aws_api_gateway_method_settings" "all" {
  rest_api_id = aws_api_gateway_rest_api.shop.id
  stage_name = aws_api_gateway_stage.dev.stage_name
  method_path = "*/*"
  settings {
    metrics_enabled = true
    throttling_burst_limit = 50
    throttling_rate_limit = var.rate
  }
}
resource "aws_api_gateway_api_key" "k" { name = "k" }
resource "aws_api_gateway_usage_plan" "p" {
  name = "p"
  api_stages {
    api_id = aws_api_gateway_rest_api.shop.id
    stage = aws_api_gateway_stage.dev.stage_name
  }
  quota_settings {
    limit = 100
    period = "DAY"
  }
  throttle_settings {
    burst_limit = 5
    rate_limit = var.rate
  }
}
resource "aws_api_gateway_usage_plan_key" "pk" {
  key_id = aws_api_gateway_api_key.k.id
  key_type = "API_KEY"
  usage_plan_id = aws_api_gateway_usage_plan.p.id
}
resource "aws_api_gateway_domain_name" "d" {
  domain_name = "tf.example.com"
  regional_certificate_arn = "arn:aws:acm:us-east-1:000000000000:certificate/x"
  endpoint_configuration { types = ["REGIONAL"] }
}
resource "aws_api_gateway_base_path_mapping" "m" {
  api_id = aws_api_gateway_rest_api.shop.id
  stage_name = aws_api_gateway_stage.dev.stage_name
  domain_name = aws_api_gateway_domain_name.d.domain_name
  base_path = "v1"
}
resource "aws_api_gateway_account" "a" { cloudwatch_role_arn = "arn:aws:iam::000000000000:role/r" }
resource "aws_api_gateway_client_certificate" "c" { description = "c" }
resource "aws_api_gateway_documentation_part" "dp" {
  rest_api_id = aws_api_gateway_rest_api.shop.id
  location { type = "API" }
  properties = "{\"a\":1}"
}
output "api" { value = aws_api_gateway_rest_api.shop.id }
output "key" {
  value = aws_api_gateway_api_key.k.value
  sensitive = true
}

# One of each kind of resource that is kept as a registry: applied, planned again, destroyed.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
variable "archive" {}

provider "aws" {
  default_tags {
    tags = { env = "local" }
  }
}
locals { trust = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] }) }
resource "aws_iam_role" "r" {
  name               = "registry"
  assume_role_policy = local.trust
}
resource "aws_iam_instance_profile" "p" {
  name = "registry"
  role = aws_iam_role.r.name
}
resource "aws_iam_user" "u" { name = "registry" }
resource "aws_iam_user_policy" "u" {
  user   = aws_iam_user.u.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })
}
resource "aws_iam_access_key" "k" { user = aws_iam_user.u.name }
resource "aws_iam_group" "g" { name = "registry" }
resource "aws_iam_group_membership" "m" {
  name  = "m"
  group = aws_iam_group.g.name
  users = [aws_iam_user.u.name]
}
resource "aws_iam_openid_connect_provider" "o" {
  url             = "https://token.actions.githubusercontent.com"
  client_id_list  = ["sts.amazonaws.com"]
  thumbprint_list = ["6938fd4d98bab03faadb97b34396831e3780aea1"]
}
resource "aws_s3_bucket" "b" { bucket = "registry-bucket" }
resource "aws_s3_bucket_versioning" "b" {
  bucket = aws_s3_bucket.b.id
  versioning_configuration { status = "Enabled" }
}
resource "aws_s3_bucket_server_side_encryption_configuration" "b" {
  bucket = aws_s3_bucket.b.id
  rule {
    apply_server_side_encryption_by_default { sse_algorithm = "AES256" }
  }
}
resource "aws_s3_bucket_public_access_block" "b" {
  bucket            = aws_s3_bucket.b.id
  block_public_acls = true
}
resource "aws_s3_bucket_lifecycle_configuration" "b" {
  bucket = aws_s3_bucket.b.id
  rule {
    id     = "old"
    status = "Enabled"
    filter {}
    expiration { days = 30 }
  }
}
resource "aws_s3_bucket_policy" "b" {
  bucket = aws_s3_bucket.b.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Deny", Principal = "*", Action = "s3:*", Resource = aws_s3_bucket.b.arn, Condition = { Bool = { "aws:SecureTransport" = "false" } } }] })
}
resource "aws_s3_bucket_cors_configuration" "b" {
  bucket = aws_s3_bucket.b.id
  cors_rule {
    allowed_methods = ["GET"]
    allowed_origins = ["*"]
  }
}
resource "aws_ecr_repository" "e" {
  name         = "registry"
  force_delete = true
}
resource "aws_ecr_lifecycle_policy" "e" {
  repository = aws_ecr_repository.e.name
  policy     = jsonencode({ rules = [{ rulePriority = 1, selection = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }, action = { type = "expire" } }] })
}
resource "aws_ecr_repository_policy" "e" {
  repository = aws_ecr_repository.e.name
  policy     = jsonencode({ Version = "2012-10-17", Statement = [{ Sid = "x", Effect = "Allow", Principal = "*", Action = "ecr:*" }] })
}
resource "aws_ssm_parameter" "s" {
  name  = "/registry/secret"
  type  = "SecureString"
  value = "hidden"
}
resource "aws_ssm_parameter" "l" {
  name  = "registry-list"
  type  = "StringList"
  value = "a,b"
  tier  = "Advanced"
}
resource "aws_lambda_function" "f" {
  function_name = "registry"
  role          = aws_iam_role.r.arn
  runtime       = "python3.12"
  handler       = "app.handler"
  filename      = var.archive
}
resource "aws_lambda_permission" "p" {
  function_name = aws_lambda_function.f.function_name
  action        = "lambda:InvokeFunction"
  principal     = "secretsmanager.amazonaws.com"
}
resource "aws_secretsmanager_secret" "s" {
  name = "registry"
}
resource "aws_secretsmanager_secret_version" "s" {
  secret_id     = aws_secretsmanager_secret.s.id
  secret_string = jsonencode({ a = 1 })
}
resource "aws_secretsmanager_secret_policy" "s" {
  secret_arn = aws_secretsmanager_secret.s.arn
  policy     = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { AWS = "arn:aws:iam::000000000000:root" }, Action = "secretsmanager:GetSecretValue", Resource = "*" }] })
}
resource "aws_secretsmanager_secret_rotation" "s" {
  secret_id           = aws_secretsmanager_secret.s.id
  rotation_lambda_arn = aws_lambda_function.f.arn
  rotation_rules { automatically_after_days = 30 }
  depends_on = [aws_lambda_permission.p, aws_secretsmanager_secret_version.s]
}

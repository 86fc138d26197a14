"""APIs of API Gateway: which API a request is for, and what all kinds of APIs share."""

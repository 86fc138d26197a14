"""S3: buckets and objects, as files and rows that last."""

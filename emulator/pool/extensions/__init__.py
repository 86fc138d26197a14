"""Extensions: processes beside the runtime, and parts of it, that share its environment."""

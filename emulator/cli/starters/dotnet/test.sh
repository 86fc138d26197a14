#!/bin/sh
# The function, called as its users call it.
answer=$(localfaas invoke hello -e events/hello.json) || exit 1
[ "$answer" = '{"message":"Hello, you!"}' ] || { echo "got $answer" >&2; exit 1; }

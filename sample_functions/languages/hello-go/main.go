// Hello in Go, on aws-lambda-go.
package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"
)

type event struct {
	Name string `json:"name"`
}

type answer struct {
	Message string `json:"message"`
}

func handle(ctx context.Context, given event) (answer, error) {
	if given.Name == "" {
		given.Name = "you"
	}
	fmt.Printf("greeting %s\n", given.Name)
	return answer{Message: fmt.Sprintf("Hello, %s!", given.Name)}, nil
}

func main() {
	lambda.Start(handle)
}

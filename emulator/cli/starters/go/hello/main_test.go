package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// The function, called as its users call it.
func TestItGreets(t *testing.T) {
	event, err := os.ReadFile("../events/hello.json")
	if err != nil {
		t.Fatal(err)
	}
	url := os.Getenv("AWS_ENDPOINT_URL") + "/2015-03-31/functions/hello/invocations"
	answer, err := http.Post(url, "application/json", bytes.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	if failed := answer.Header.Get("X-Amz-Function-Error"); failed != "" {
		t.Fatal(string(body))
	}
	if want := `{"message":"Hello, you!"}`; strings.TrimSpace(string(body)) != want {
		t.Fatalf("got %s, want %s", body, want)
	}
}

// Command probe is a Lambda function that misbehaves as it is told: it proves that the runtime of the tests is as strict as the
// real one.
package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

type order struct {
	Do    string `json:"do"` // "pid", "error", "panic", "exit", "sleep" or "large"
	Bytes int    `json:"bytes"`
}

type result struct {
	PID  int    `json:"pid"`
	Data string `json:"data,omitempty"`
}

func main() {
	lambda.Start(func(ctx context.Context, o order) (result, error) {
		switch o.Do {
		case "error":
			return result{}, errors.New("as ordered")
		case "panic":
			panic("as ordered")
		case "exit":
			os.Exit(3)
		case "sleep":
			time.Sleep(time.Minute)
		case "large":
			return result{os.Getpid(), strings.Repeat("x", o.Bytes)}, nil
		}
		return result{PID: os.Getpid()}, nil
	})
}

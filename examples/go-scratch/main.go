// A static server for an image that holds nothing else.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Change it, then type in the IDE's terminal: go build -o bin/server . && restart app
const greeting = "Hello from a scratch image.\n"

func routes(started time.Time) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, greeting)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /whoami", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"pid": os.Getpid(), "uid": os.Getuid(), "startedAt": started.UTC()})
	})
	return mux
}

func main() {
	// PID 1 has no default for SIGTERM.
	stop, done := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer done()

	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	server := &http.Server{
		Addr:              os.Getenv("HOST") + ":" + port,
		Handler:           routes(time.Now()),
		ReadHeaderTimeout: 5 * time.Second,
	}
	go func() {
		<-stop.Done()
		soon, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		server.Shutdown(soon)
	}()

	log.Printf("listening on port %s, pid %d", port, os.Getpid())
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

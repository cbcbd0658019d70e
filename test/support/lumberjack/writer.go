// Writes numbered audit events through lumberjack itself, so that tests meet the rotation that kube-apiserver does.
// Prints {"written":N,"rotations":N,"last":N}; "last" is the last sequence number written (start-1 when none was).
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
)

// The auditID ends with the sequence number in 12 hexadecimal digits, as sequenceOf() of the simulator expects it.
const event = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"10a7be27-1a3c-4b5d-8e6f-%012x","stage":"ResponseComplete",` +
	`"requestURI":"/api/v1/namespaces/shop/pods?limit=500","verb":"list","user":{"username":"system:serviceaccount:shop:lister",` +
	`"groups":["system:serviceaccounts","system:authenticated"]},"sourceIPs":["10.244.1.5"],"userAgent":"lister/1.0 %s",` +
	`"objectRef":{"resource":"pods","namespace":"shop","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},` +
	`"requestReceivedTimestamp":"%s","stageTimestamp":"%s","annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}}` + "\n"

func main() {
	path := flag.String("path", "audit.log", "the active file")
	maxsize := flag.Int("maxsize", 1, "megabytes")
	maxbackup := flag.Int("maxbackup", 0, "backups to keep; 0 keeps all")
	compress := flag.Bool("compress", false, "gzip backups")
	count := flag.Int("count", 1000, "events to write; 0 is without end")
	start := flag.Int("start", 1, "sequence number of the first event")
	rate := flag.Float64("rate", 0, "events per second; 0 is full speed")
	pad := flag.Int("pad", 400, "bytes of padding in each event")
	flag.Parse()

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	writer := &lumberjack.Logger{Filename: *path, MaxSize: *maxsize, MaxBackups: *maxbackup, Compress: *compress}
	padding := strings.Repeat("x", *pad)
	began, written, rotations := time.Now(), 0, 0
	active, _ := os.Stat(*path)
	for stopped := false; !stopped && (*count == 0 || written < *count); {
		if *rate > 0 {
			due := began.Add(time.Duration(float64(written) / *rate * float64(time.Second)))
			select {
			case <-stop:
				stopped = true
				continue
			case <-time.After(time.Until(due)):
			}
		} else if len(stop) > 0 {
			break
		}
		now := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z07:00")
		if _, err := fmt.Fprintf(writer, event, *start+written, padding, now, now); err != nil {
			log.Fatalf("cannot write event %d: %v", *start+written, err)
		}
		written++
		// Another file at the path than before the write is a rotation.
		before := active
		active, _ = os.Stat(*path)
		if before != nil && !os.SameFile(before, active) {
			rotations++
		}
	}
	settle(*path, *maxbackup, *compress)
	_ = writer.Close()
	fmt.Printf("{\"written\":%d,\"rotations\":%d,\"last\":%d}\n", written, rotations, *start+written-1)
}

// Gives the background mill up to five seconds to finish, so that a test finds the files as they stay.
func settle(path string, maxbackup int, compress bool) {
	extension := filepath.Ext(path)
	pattern := strings.TrimSuffix(path, extension) + "-*" + extension + "*"
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		backups, _ := filepath.Glob(pattern)
		plain := 0
		for _, name := range backups {
			if !strings.HasSuffix(name, ".gz") {
				plain++
			}
		}
		tooMany := maxbackup > 0 && len(backups) > maxbackup
		if !tooMany && (!compress || plain == 0) {
			return
		}
	}
}

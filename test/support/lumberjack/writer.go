// Writes numbered audit events through lumberjack itself, so that tests meet the rotation that kube-apiserver does.
// Prints {"written":N,"bytes":N,"rotations":N,"last":N}; "last" is the last sequence number written (start-1 when none
// was). A ledger gets a line for each file when it begins: {"first":N,"sha256":"…","at":N} are the sequence number of its
// first event, the hash of that event's line without its newline, and when it was written (ms since the epoch).
package main

import (
	"crypto/sha256"
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

// A writer that is later than this stays late: on a busy machine it would write as fast as it can for seconds.
const lateMax = 20 * time.Millisecond

func main() {
	path := flag.String("path", "audit.log", "the active file")
	maxsize := flag.Int("maxsize", 1, "megabytes")
	maxbackup := flag.Int("maxbackup", 0, "backups to keep; 0 keeps all")
	compress := flag.Bool("compress", false, "gzip backups")
	count := flag.Int("count", 1000, "events to write; 0 is without end")
	start := flag.Int("start", 1, "sequence number of the first event")
	rate := flag.Float64("rate", 0, "events per second, never more, not even to make up for a delay; 0 is full speed")
	pad := flag.Int("pad", 400, "bytes of padding in each event")
	ledger := flag.String("ledger", "", "a file that gets a line for each file that begins")
	flag.Parse()

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	writer := &lumberjack.Logger{Filename: *path, MaxSize: *maxsize, MaxBackups: *maxbackup, Compress: *compress}
	padding := strings.Repeat("x", *pad)
	began, written, bytes, rotations := time.Now(), 0, 0, 0
	note := noteIn(*ledger)
	active, _ := os.Stat(*path)
	for stopped := false; !stopped && (*count == 0 || written < *count); {
		if *rate > 0 {
			due := began.Add(time.Duration(float64(written) / *rate * float64(time.Second)))
			if late := time.Since(due); late > lateMax {
				began = began.Add(late - lateMax)
			}
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
		line := fmt.Sprintf(event, *start+written, padding, now, now)
		if _, err := writer.Write([]byte(line)); err != nil {
			log.Fatalf("cannot write event %d: %v", *start+written, err)
		}
		written++
		bytes += len(line)
		// Another file at the path than before the write is a rotation.
		before := active
		active, _ = os.Stat(*path)
		if before != nil && !os.SameFile(before, active) {
			rotations++
		}
		if before == nil || !os.SameFile(before, active) {
			note(*start+written-1, line)
		}
	}
	settle(*path, *maxbackup, *compress)
	_ = writer.Close()
	fmt.Printf("{\"written\":%d,\"bytes\":%d,\"rotations\":%d,\"last\":%d}\n", written, bytes, rotations, *start+written-1)
}

// Returns what notes the first event of a file; nothing is noted without a ledger.
func noteIn(ledger string) func(number int, line string) {
	if ledger == "" {
		return func(int, string) {}
	}
	file, err := os.OpenFile(ledger, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		log.Fatalf("cannot write the ledger: %v", err)
	}
	return func(number int, line string) {
		hash := sha256.Sum256([]byte(strings.TrimSuffix(line, "\n")))
		fmt.Fprintf(file, "{\"first\":%d,\"sha256\":\"%x\",\"at\":%d}\n", number, hash, time.Now().UnixMilli())
	}
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

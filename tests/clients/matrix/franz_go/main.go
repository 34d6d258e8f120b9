// Driver of franz-go; see ../README.md.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const partitions = 6

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

var telling sync.Mutex

func tell(what map[string]any) {
	text, _ := json.Marshal(what)
	telling.Lock()
	defer telling.Unlock()
	fmt.Println(string(text))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func connect(bootstrap string, more ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append(more, kgo.SeedBrokers(strings.Split(bootstrap, ",")...))...)
	check(err)
	return client
}

func produce(bootstrap, topic, codec, count string) {
	client := connect(bootstrap, kgo.ProducerBatchCompression(codecs[codec]), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(20*time.Millisecond))
	defer client.Close()
	number, err := strconv.Atoi(count)
	check(err)
	var records []*kgo.Record
	for i := 0; i < number; i++ {
		value := fmt.Sprintf("%s %d %s", codec, i, strings.Repeat(".", 200))
		records = append(records, &kgo.Record{Topic: topic, Partition: int32(i % partitions), Value: []byte(value)})
	}
	check(client.ProduceSync(context.Background(), records...).FirstErr())
	tell(map[string]any{"delivered": number})
}

func member(bootstrap, topic, group string, instance ...string) {
	assigned := func(_ context.Context, _ *kgo.Client, what map[string][]int32) {
		owned := append([]int32{}, what[topic]...)
		sort.Slice(owned, func(i, j int) bool { return owned[i] < owned[j] })
		tell(map[string]any{"owned": owned})
	}
	revoked := func(context.Context, *kgo.Client, map[string][]int32) { tell(map[string]any{"owned": []int32{}}) }
	options := []kgo.Opt{
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.Balancers(kgo.RangeBalancer()), kgo.AutoCommitInterval(200 * time.Millisecond),
		kgo.HeartbeatInterval(300 * time.Millisecond), kgo.SessionTimeout(10 * time.Second),
		kgo.OnPartitionsAssigned(assigned), kgo.OnPartitionsRevoked(revoked), kgo.OnPartitionsLost(revoked),
	}
	if len(instance) > 0 {
		options = append(options, kgo.InstanceID(instance[0]))
	}
	client := connect(bootstrap, options...)
	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	for ended.Err() == nil {
		client.PollFetches(ended).EachRecord(func(record *kgo.Record) {
			tell(map[string]any{"value": string(record.Value)})
		})
	}
	check(client.CommitUncommittedOffsets(context.Background()))
	client.Close()
}

func admin(bootstrap, topic, group string) {
	client := connect(bootstrap)
	defer client.Close()
	admin, all := kadm.NewClient(client), context.Background()
	topics, err := admin.ListTopics(all)
	check(err)
	groups, err := admin.ListGroups(all)
	check(err)
	offsets, err := admin.FetchOffsets(all, group)
	check(err)
	committed := map[int32]int64{}
	for partition, offset := range offsets.Offsets()[topic] {
		committed[partition] = offset.At
	}
	tell(map[string]any{"topics": topics.Names(), "groups": groups.Groups(), "committed": committed})
}

func version() {
	built, _ := debug.ReadBuildInfo()
	for _, module := range built.Deps {
		if module.Path == "github.com/twmb/franz-go" {
			tell(map[string]any{"version": strings.TrimPrefix(module.Version, "v")})
		}
	}
}

func main() {
	words := os.Args[2:]
	switch os.Args[1] {
	case "version":
		version()
	case "produce":
		produce(words[0], words[1], words[2], words[3])
	case "member":
		member(words[0], words[1], words[2], words[3:]...)
	case "admin":
		admin(words[0], words[1], words[2])
	}
}

// Driver of sarama; see ../README.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/IBM/sarama"
)

const partitions = 6

var codecs = map[string]sarama.CompressionCodec{
	"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
	"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
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

func settings() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Retry.Max = 20
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Interval = 200 * time.Millisecond
	config.Consumer.Group.Heartbeat.Interval = 300 * time.Millisecond
	config.Consumer.Group.Session.Timeout = 10 * time.Second
	return config
}

func produce(brokers []string, topic, codec, count string) {
	config := settings()
	config.Producer.Idempotent = true
	config.Net.MaxOpenRequests = 1
	config.Producer.Compression = codecs[codec]
	producer, err := sarama.NewSyncProducer(brokers, config)
	check(err)
	number, err := strconv.Atoi(count)
	check(err)
	var messages []*sarama.ProducerMessage
	for i := 0; i < number; i++ {
		value := sarama.StringEncoder(fmt.Sprintf("%s %d %s", codec, i, strings.Repeat(".", 200)))
		messages = append(messages, &sarama.ProducerMessage{Topic: topic, Partition: int32(i % partitions), Value: value})
	}
	check(producer.SendMessages(messages))
	check(producer.Close())
	tell(map[string]any{"delivered": number})
}

// One generation after the other.
type handler struct{ topic string }

func (h handler) Setup(session sarama.ConsumerGroupSession) error {
	tell(map[string]any{"owned": append([]int32{}, session.Claims()[h.topic]...)})
	return nil
}

func (h handler) Cleanup(sarama.ConsumerGroupSession) error {
	tell(map[string]any{"owned": []int32{}})
	return nil
}

func (h handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		tell(map[string]any{"value": string(message.Value)})
		session.MarkMessage(message, "")
	}
	return nil
}

func member(brokers []string, topic, group string, instance ...string) {
	config := settings()
	if len(instance) > 0 {
		config.Consumer.Group.InstanceId = instance[0]
	}
	consumer, err := sarama.NewConsumerGroup(brokers, group, config)
	check(err)
	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	for ended.Err() == nil {
		err := consumer.Consume(ended, []string{topic}, handler{topic})
		if !errors.Is(err, context.Canceled) {
			check(err)
		}
	}
	check(consumer.Close())
}

func admin(brokers []string, topic, group string) {
	client, err := sarama.NewClusterAdmin(brokers, settings())
	check(err)
	defer client.Close()
	topics, err := client.ListTopics()
	check(err)
	groups, err := client.ListConsumerGroups()
	check(err)
	wanted := make([]int32, partitions)
	for i := range wanted {
		wanted[i] = int32(i)
	}
	offsets, err := client.ListConsumerGroupOffsets(group, map[string][]int32{topic: wanted})
	check(err)
	committed := map[int32]int64{}
	for partition, block := range offsets.Blocks[topic] {
		committed[partition] = block.Offset
	}
	tell(map[string]any{"topics": names(topics), "groups": names(groups), "committed": committed})
}

func names[T any](all map[string]T) []string {
	var out []string
	for name := range all {
		out = append(out, name)
	}
	return out
}

func version() {
	built, _ := debug.ReadBuildInfo()
	for _, module := range built.Deps {
		if module.Path == "github.com/IBM/sarama" {
			tell(map[string]any{"version": strings.TrimPrefix(module.Version, "v")})
		}
	}
}

func main() {
	if os.Args[1] == "version" {
		version()
		return
	}
	brokers, words := strings.Split(os.Args[2], ","), os.Args[3:]
	switch os.Args[1] {
	case "produce":
		produce(brokers, words[0], words[1], words[2])
	case "member":
		member(brokers, words[0], words[1], words[2:]...)
	case "admin":
		admin(brokers, words[0], words[1])
	}
}

#include "raft/grpc_transport.h"

#include <arpa/inet.h>
#include <grpc/support/log.h>

#include <condition_variable>
#include <map>
#include <set>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "proto/raft.pb.h"
#include "raft/grpc_stream.h"

namespace kronika::raft {
namespace {

constexpr std::uint32_t kProtocol = 2;
constexpr auto kRedialMin = std::chrono::milliseconds(100);
constexpr auto kRedialMax = std::chrono::milliseconds(500);

// Of a hello without its checksum.
std::uint32_t ChecksumOf(const wire::Hello& hello) {
  return crc32c::Value(AsBytes(hello.SerializeAsString()));
}

std::string EncodeHello(const PeerHello& self, Lane lane, const std::string& refusal) {
  wire::Hello hello;
  hello.set_protocol(kProtocol);
  hello.set_cluster_id(self.cluster_id);
  hello.set_broker(self.broker.value);
  hello.set_uuid(self.uuid.bytes.data(), self.uuid.bytes.size());
  hello.set_format_nonce(self.format_nonce);
  hello.set_boot_epoch(self.boot_epoch);
  hello.set_process_nonce(self.process_nonce);
  hello.set_lane(static_cast<std::uint32_t>(lane));
  hello.set_refusal(refusal);
  hello.set_checksum(ChecksumOf(hello));
  return hello.SerializeAsString();
}

// Numbers are taken as they are; names are looked up at each attempt.
std::string TargetOf(const std::string& address) {
  if (address.starts_with('[')) return "ipv6:" + address;
  in_addr parsed;
  const std::string host = address.substr(0, address.rfind(':'));
  if (::inet_pton(AF_INET, host.c_str(), &parsed) == 1) return "ipv4:" + address;
  return "dns:///" + address;
}

struct DecodedHello {
  PeerHello peer;
  Lane lane = Lane::kLiveness;
  std::string refusal;
};

Result<DecodedHello> DecodeHello(const Slice& bytes) {
  wire::Hello hello;
  if (!hello.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Fail(ErrorCode::kCorruption, "the first message is not a hello");
  }
  if (hello.protocol() != kProtocol) {
    return Fail(ErrorCode::kUnsupported, "the peer speaks version " +
                                             std::to_string(hello.protocol()) + ", this broker " +
                                             std::to_string(kProtocol));
  }
  const std::uint32_t checksum = hello.checksum();
  hello.clear_checksum();
  if (checksum != ChecksumOf(hello))
    return Fail(ErrorCode::kCorruption, "a hello does not match its checksum");
  if (hello.uuid().size() != 16 || hello.lane() >= kLanes)
    return Fail(ErrorCode::kCorruption, "a malformed hello");
  DecodedHello out;
  out.peer = {.cluster_id = hello.cluster_id(),
              .broker = BrokerId{hello.broker()},
              .uuid = {},
              .format_nonce = hello.format_nonce(),
              .boot_epoch = hello.boot_epoch(),
              .process_nonce = hello.process_nonce()};
  std::memcpy(out.peer.uuid.bytes.data(), hello.uuid().data(), 16);
  out.lane = static_cast<Lane>(hello.lane());
  out.refusal = hello.refusal();
  return out;
}

}  // namespace

class GrpcTransportImpl final : public GrpcTransport, private grpc::CallbackGenericService {
 public:
  GrpcTransportImpl(Loop& loop, Log& log, GrpcTransportOptions options, HelloCheck check)
      : loop_(loop), log_(log), options_(std::move(options)), check_(std::move(check)) {}
  ~GrpcTransportImpl() override;

  Status Listen();
  void SetHandlers(FrameHandler on_frame, PeerHandler on_peer) override;
  bool Send(BrokerId to, Lane lane, Frame frame) override;
  void Reset(BrokerId peer, Lane lane) override;
  void SetPeerAddress(BrokerId peer, std::string address) override;

 private:
  using Key = std::pair<BrokerId, Lane>;

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;
  PeerStream::Events MakeEvents();  // for events_ alone
  // Runs `then` with what came on a stream on the loop, unless this object is gone by then.
  template <class What>
  auto OnLoop(void (GrpcTransportImpl::*then)(const std::shared_ptr<PeerStream>&, What));
  void OnFrame(const std::shared_ptr<PeerStream>& stream, Result<Frame> frame);
  void OnHello(const std::shared_ptr<PeerStream>& stream, Slice message);
  void OnEnd(const std::shared_ptr<PeerStream>& stream);
  void DialPeer(BrokerId peer);
  void Dial(Key key);
  void DialLater(Key key);
  void Refused(BrokerId peer, const std::string& why);
  std::shared_ptr<grpc::Channel> ChannelTo(const std::string& address) const;

  Loop& loop_;
  Log& log_;
  const GrpcTransportOptions options_;
  HelloCheck check_;
  FrameHandler on_frame_;
  PeerHandler on_peer_;
  std::unique_ptr<grpc::Server> server_;
  std::map<BrokerId, std::string> addresses_;
  std::set<BrokerId> dialled_;
  std::map<Key, std::shared_ptr<PeerStream>> dialling_;
  std::map<Key, std::shared_ptr<PeerStream>> up_;
  std::map<Key, TimerId> redials_;
  std::set<std::string> refusals_logged_;
  std::map<Key, std::string> untold_refusals_;
  std::uint64_t dials_ = 0;

  // Shared with gRPC's threads, which may still run while the loop is gone.
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::set<std::shared_ptr<PeerStream>> streams;
    bool stopping = false;
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // the loop's
  // Of every stream. Made before gRPC's threads are there: they read it, but never alive_, which
  // goes while they run.
  const PeerStream::Events events_ = MakeEvents();
};

Result<std::unique_ptr<GrpcTransport>> GrpcTransport::Start(Loop& loop, Log& log,
                                                            GrpcTransportOptions options,
                                                            HelloCheck check) {
  auto transport =
      std::make_unique<GrpcTransportImpl>(loop, log, std::move(options), std::move(check));
  KRONIKA_TRY(transport->Listen());
  return transport;
}

Status GrpcTransportImpl::Listen() {
  // What gRPC would print beside our own lines says the same in words that nobody here wrote.
  gpr_set_log_function([](gpr_log_func_args*) {});
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options_.listen_address, grpc::InsecureServerCredentials(), &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxReceiveMessageSize(static_cast<int>(options_.message_bytes_max));
  builder.SetMaxSendMessageSize(static_cast<int>(options_.message_bytes_max));
  builder.RegisterCallbackGenericService(this);
  server_ = builder.BuildAndStart();
  if (!server_ || port == 0) {
    return Fail(ErrorCode::kAlreadyExists,
                "cannot listen for other brokers on " + options_.listen_address +
                    ": the port is in use or the address is not of this machine");
  }
  return {};
}

GrpcTransportImpl::~GrpcTransportImpl() {
  for (auto& [key, timer] : redials_) loop_.Cancel(timer);
  alive_.reset();
  std::set<std::shared_ptr<PeerStream>> streams;
  {
    std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    streams = shared_->streams;
  }
  for (const auto& stream : streams) stream->Close();
  streams.clear();
  if (server_) server_->Shutdown(std::chrono::system_clock::now());
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait(lock, [&] { return shared_->streams.empty(); });
}

template <class What>
auto GrpcTransportImpl::OnLoop(void (GrpcTransportImpl::*then)(const std::shared_ptr<PeerStream>&,
                                                               What)) {
  return [this, then, loop = &loop_, alive = std::weak_ptr(alive_), shared = shared_](
             std::shared_ptr<PeerStream> stream, What what) {
    std::lock_guard lock(shared->mutex);
    if (shared->stopping) return;
    loop->Post([this, then, alive, stream = std::move(stream), what = std::move(what)]() mutable {
      if (alive.lock()) (this->*then)(stream, std::move(what));
    });
  };
}

PeerStream::Events GrpcTransportImpl::MakeEvents() {
  Loop* loop = &loop_;
  std::weak_ptr alive(alive_);
  auto shared = shared_;
  return {.hello = OnLoop(&GrpcTransportImpl::OnHello),
          .frame = OnLoop(&GrpcTransportImpl::OnFrame),
          .end = [this, loop, alive, shared](std::shared_ptr<PeerStream> stream) {
            std::lock_guard lock(shared->mutex);
            shared->streams.erase(stream);
            shared->changed.notify_all();
            if (shared->stopping) return;
            loop->Post([this, alive, stream = std::move(stream)] {
              if (alive.lock()) OnEnd(stream);
            });
          }};
}

grpc::ServerGenericBidiReactor* GrpcTransportImpl::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  auto stream = std::make_shared<AcceptedStream>(events_, options_.queue_bytes_max, context);
  bool stopping = false;
  {
    std::lock_guard lock(shared_->mutex);
    shared_->streams.insert(stream);
    stopping = shared_->stopping;
  }
  stream->Open();
  if (stopping) stream->Close();
  return stream.get();
}

bool GrpcTransportImpl::Send(BrokerId to, Lane lane, Frame frame) {
  auto found = up_.find({to, lane});
  return found != up_.end() && found->second->Send(frame);
}

// What came behind it on the same stream is not looked at any more.
void GrpcTransportImpl::Reset(BrokerId peer, Lane lane) {
  auto stream = up_.extract({peer, lane});
  if (stream.empty()) return;
  stream.mapped()->Close();
  loop_.Post([this, alive = std::weak_ptr(alive_), peer, lane] {
    if (alive.lock() && on_peer_) on_peer_({.peer = peer, .lane = lane, .up = false});
  });
}

// Nobody could be told of a stream before: from here on peers are dialled.
void GrpcTransportImpl::SetHandlers(FrameHandler on_frame, PeerHandler on_peer) {
  on_frame_ = std::move(on_frame);
  on_peer_ = std::move(on_peer);
  for (const auto& [peer, address] : addresses_) DialPeer(peer);
}

void GrpcTransportImpl::SetPeerAddress(BrokerId peer, std::string address) {
  if (peer == options_.self.broker) return;
  addresses_[peer] = std::move(address);
  if (on_peer_) DialPeer(peer);
}

// Once; a dialled stream that ends is dialled again.
void GrpcTransportImpl::DialPeer(BrokerId peer) {
  if (options_.self.broker > peer || !dialled_.insert(peer).second) return;
  for (Lane lane : {Lane::kLiveness, Lane::kData, Lane::kCatchUp}) Dial({peer, lane});
}

std::shared_ptr<grpc::Channel> GrpcTransportImpl::ChannelTo(const std::string& address) const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, static_cast<int>(kRedialMin.count()));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, static_cast<int>(kRedialMin.count()));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, static_cast<int>(kRedialMax.count()));
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(static_cast<int>(options_.message_bytes_max));
  arguments.SetMaxSendMessageSize(static_cast<int>(options_.message_bytes_max));
  return grpc::CreateCustomChannel(TargetOf(address), grpc::InsecureChannelCredentials(),
                                   arguments);
}

void GrpcTransportImpl::Dial(Key key) {
  auto stream = std::make_shared<DialledStream>(events_, options_.queue_bytes_max);
  stream->peer = key.first;
  stream->lane = key.second;
  stream->dialled = true;
  dialling_[key] = stream;
  {
    std::lock_guard lock(shared_->mutex);
    shared_->streams.insert(stream);
  }
  stream->Dial(ChannelTo(addresses_[key.first]));
  // Whom this side refused learns why from the next attempt: a dialler can say it only first.
  const auto refusal = untold_refusals_.extract(key);
  stream->SendRaw(EncodeHello(options_.self, key.second, refusal.empty() ? "" : refusal.mapped()));
}

void GrpcTransportImpl::DialLater(Key key) {
  // Spread without randomness: the attempts of the lanes and peers differ by their count.
  auto spread = std::chrono::milliseconds(37 * (++dials_ % 11));
  redials_[key] = loop_.RunAfter(kRedialMin + spread, [this, key] {
    redials_.erase(key);
    Dial(key);
  });
}

void GrpcTransportImpl::OnFrame(const std::shared_ptr<PeerStream>& stream, Result<Frame> frame) {
  if (stream->turned_away) return;
  const Key key{stream->peer, stream->lane};
  auto current = up_.find(key);
  if (current == up_.end() || current->second != stream) return;  // replaced by a newer stream
  if (frame) return on_frame_(key.first, key.second, std::move(*frame));
  up_.erase(current);
  if (on_peer_) on_peer_({.peer = key.first, .lane = key.second, .up = false, .damaged = true});
}

void GrpcTransportImpl::Refused(BrokerId peer, const std::string& why) {
  std::string line = fmt::format("a stream with broker {} was refused: {}", peer.value, why);
  if (refusals_logged_.insert(line).second) log_.Error("{}", line);
}

void GrpcTransportImpl::OnHello(const std::shared_ptr<PeerStream>& stream, Slice message) {
  stream->turned_away = true;  // until it is accepted below
  auto hello = DecodeHello(message);
  if (!hello) {
    Refused(stream->peer, hello.error().Describe());
    return stream->Close();
  }
  if (!on_frame_) return stream->Close();  // nobody takes frames yet: the dialler tries again
  BrokerId peer = hello->peer.broker;
  if (!hello->refusal.empty()) {
    Refused(peer, "the other side says: " + hello->refusal);
    return stream->Close();
  }
  Status valid = check_(hello->peer);
  if (valid && stream->dialled && (peer != stream->peer || hello->lane != stream->lane)) {
    valid = Fail(ErrorCode::kFenced, fmt::format("broker {} answers at the address of broker {}",
                                                 peer.value, stream->peer.value));
  }
  // Not able to say yet: the dialler tries again.
  if (!valid && valid.error().code == ErrorCode::kUnavailable) return stream->Close();
  if (!valid) {
    Refused(peer, valid.error().Describe());
    if (!stream->dialled)
      stream->SendRaw(EncodeHello(options_.self, hello->lane, valid.error().text));
    // The dialler closes when it has read the refusal; a silent one is closed here.
    loop_.RunAfter(std::chrono::seconds(1), [stream] { stream->Close(); });
    if (stream->dialled) {
      untold_refusals_[{stream->peer, stream->lane}] = valid.error().text;
      stream->Close();
    }
    return;
  }
  stream->accepted = true;
  stream->turned_away = false;
  stream->boot_epoch = hello->peer.boot_epoch;
  stream->peer = peer;
  stream->lane = hello->lane;
  Key key{peer, hello->lane};
  if (auto old = up_.find(key); old != up_.end()) {
    auto replaced = old->second;
    up_.erase(old);
    replaced->Close();
    if (on_peer_)
      on_peer_(
          {.peer = peer, .lane = key.second, .up = false, .boot_epoch = hello->peer.boot_epoch});
  }
  if (!stream->dialled) stream->SendRaw(EncodeHello(options_.self, hello->lane, ""));
  up_[key] = stream;
  if (on_peer_)
    on_peer_({.peer = peer, .lane = key.second, .up = true, .boot_epoch = hello->peer.boot_epoch});
}

void GrpcTransportImpl::OnEnd(const std::shared_ptr<PeerStream>& stream) {
  Key key{stream->peer, stream->lane};
  if (auto up = up_.find(key); up != up_.end() && up->second == stream) {
    up_.erase(up);
    if (on_peer_) on_peer_({.peer = key.first, .lane = key.second, .up = false});
  }
  if (!stream->dialled) return;
  if (auto dialling = dialling_.find(key);
      dialling != dialling_.end() && dialling->second == stream) {
    dialling_.erase(dialling);
    DialLater(key);
  }
}

}  // namespace kronika::raft

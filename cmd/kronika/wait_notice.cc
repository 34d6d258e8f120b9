// WaitNotice; see wait_notice.h.
#include "cmd/kronika/wait_notice.h"

#include <cstdio>

namespace kronika::cmd {
namespace {

constexpr client::Milliseconds kFirst{3'000};
constexpr client::Milliseconds kNext{5'000};
// Longer than one attempt takes to ask brokers that do not answer.
constexpr client::Milliseconds kSilence{10'000};

}  // namespace

void WaitNotice::operator()(const Error& why) {
  const client::Moment now = client::Now();
  if (!began_ || now - last_call_ > kSilence) {
    began_ = now;
    next_ = now + kFirst;
  }
  last_call_ = now;
  if (now < next_) return;
  next_ = now + kNext;
  const auto spent = std::chrono::duration_cast<std::chrono::seconds>(now - *began_).count();
  std::fprintf(stderr, "kronika: waiting for %lld s: %s\n", static_cast<long long>(spent),
               why.Describe().c_str());
}

}  // namespace kronika::cmd

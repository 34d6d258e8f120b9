// The intrusive list of parked fetches; see wait_list.h.
#include "broker/partition/wait_list.h"

#include <utility>

namespace kronika::broker {

void Waiter::Leave() {
  if (list_ == nullptr) return;
  if (previous_ != nullptr) {
    previous_->next_ = next_;
  } else {
    list_->first_ = next_;
  }
  if (next_ != nullptr) next_->previous_ = previous_;
  list_ = nullptr;
  previous_ = next_ = nullptr;
}

WaitList::~WaitList() {
  if (!empty()) NotifyChanged();
  DropAll();
}

void WaitList::Join(Waiter& waiter) {
  waiter.Leave();
  waiter.list_ = this;
  waiter.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &waiter;
  first_ = &waiter;
}

// Moves everybody to a list of its own first: whoever is woken joins the partition's list again,
// and a waiter that destroys others meanwhile takes them out of whichever list they are in.
template <class Call>
void WaitList::Wake(Call call) {
  WaitList woken;
  woken.first_ = std::exchange(first_, nullptr);
  for (Waiter* waiter = woken.first_; waiter != nullptr; waiter = waiter->next_)
    waiter->list_ = &woken;
  while (woken.first_ != nullptr) {
    Waiter& waiter = *woken.first_;
    Join(waiter);
    call(waiter);
  }
}

void WaitList::NotifyAppended(std::uint64_t bytes) {
  Wake([bytes](Waiter& waiter) { waiter.OnAppended(bytes); });
}

void WaitList::NotifyChanged() {
  Wake([](Waiter& waiter) { waiter.OnChanged(); });
}

void WaitList::DropAll() {
  while (first_ != nullptr) first_->Leave();
}

}  // namespace kronika::broker

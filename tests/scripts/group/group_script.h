// One partition of __consumer_offsets in a text script: a coordinator over a map, a log of the
// records that it proposed, and a second replica that applies the same ones.
//
//   options initial-delay=0 max-size=2 ...   before anything else
//   join GROUP [m=ID] [i=INSTANCE] [s=SESSION] [r=REBALANCE] [p=range:x,rr:y] [type=TYPE] [v=API]
//   sync GROUP g=GENERATION m=ID [i=INSTANCE] [a=ID:TEXT,...] [p=PROTOCOL]
//   heartbeat GROUP g= m= [i=]     leave GROUP m=ID,... or i=INSTANCE
//   commit GROUP [g= m=] [o=TOPIC-PARTITION:OFFSET,...] [text=METADATA] [id=TOPIC ID]
//          [retention=MS]
//   delete-offsets GROUP o=TOPIC-PARTITION,...     delete GROUP     forget-topic ID
//   describe GROUP     list     show (the map)
//   wait MS            time passes, with every deadline in it
//   hold / apply [N] / refuse [too-large]    proposals wait, are applied or refused; else at once
//   take-over          another leader: proposals that wait are lost, soft state is gone
//   restart            the map is made anew from its pairs in a store
//
// A request is numbered; its answer has the number, and "*" if it rests on a written record.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "broker/group/coordinator.h"

namespace kronika::broker {

class GroupScript {
 public:
  GroupScript();
  std::string Run(const std::string& line);
  // Empty, or how the replicas differ.
  std::string Difference() const;

 private:
  using Words = std::map<std::string, std::string>;
  void Do(const std::string& command, const std::string& name, const Words& words);
  void Join(const std::string& group, const Words& words);
  void Sync(const std::string& group, const Words& words);
  void Commit(const std::string& group, const Words& words);
  void Leave(const std::string& group, const Words& words);
  void Wait(std::int64_t ms);
  void Apply(std::size_t count);
  void Refuse(KafkaError error);
  void TakeOver();
  void Restart();
  void Show();
  void Pump();
  void Say(const GroupAnswer& answer);
  void Say(const DescribedGroup& group);
  MemberRef From(const std::string& group, const Words& words) const;

  GroupOptions options_;
  GroupMap map_, follower_;
  std::map<std::string, std::string> store_;
  std::unique_ptr<Coordinator> coordinator_;
  std::deque<GroupProposal> held_;
  bool hold_ = false;
  GroupTime now_;
  Ticket last_ticket_ = 0;
  int last_member_ = 0;
  std::string out_;
};

}  // namespace kronika::broker

// Who wants to know of each new image: the group manager (creates and removes replicas), the Kafka
// side, the status page.
//
// Called on the metadata group's loop, after the image was swapped, in the order of observers'
// registration.
#pragma once

#include "metadata/delta.h"
#include "metadata/image.h"

namespace kronika::metadata {

class Observer {
 public:
  virtual ~Observer() = default;
  // `delta` says how `image` differs from the last one that this observer was told of.
  virtual void OnImage(const ImagePtr& image, const Delta& delta) = 0;
};

}  // namespace kronika::metadata

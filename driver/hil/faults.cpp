#include "driver/hil/faults.h"

#include <utility>

#include "core/error.h"

namespace opoloop::hil {

void Faults::validate() const {
  const std::pair<const char*, double> all[] = {
      {"loss", loss}, {"duplicate", duplication}, {"reorder", reordering}, {"corrupt", corruption}};
  for (const auto& [name, value] : all) {
    if (!(value >= 0 && value < 1)) throw_parameter_error(name, value, "a probability in [0, 1)");
  }
}

FaultyCarrier::FaultyCarrier(std::unique_ptr<Carrier> carrier, const Faults& faults)
    : carrier_(std::move(carrier)), faults_(faults), random_(faults.seed) {
  faults.validate();
}

bool FaultyCarrier::happens(double probability) {
  // Always one number, so that one probability does not change what another one does.
  return static_cast<double>(random_() >> 11) * 0x1p-53 < probability;
}

void FaultyCarrier::pass(Line& line, std::span<const std::uint8_t> datagram) {
  ++counts_.passed;
  const bool lost = happens(faults_.loss);
  const bool doubled = happens(faults_.duplication);
  const bool held = happens(faults_.reordering);
  const bool damaged = happens(faults_.corruption);
  const std::uint64_t where = random_();
  if (lost) {
    ++counts_.lost;
  } else {
    std::vector<std::uint8_t> bytes(datagram.begin(), datagram.end());
    if (damaged && !bytes.empty()) {
      ++counts_.corrupted;
      const std::uint64_t bit = where % (bytes.size() * 8);
      bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1u << (bit % 8)));
    }
    if (doubled) {
      ++counts_.duplicated;
      line.out.push_back(bytes);
    }
    if (held) {
      ++counts_.reordered;
      line.held.push_back({std::move(bytes), 1 + static_cast<int>((where >> 32) % 3)});
      return;
    }
    line.out.push_back(std::move(bytes));
  }
  for (auto it = line.held.begin(); it != line.held.end();) {
    if (--it->passes > 0) {
      ++it;
      continue;
    }
    line.out.push_back(std::move(it->datagram));
    it = line.held.erase(it);
  }
}

void FaultyCarrier::send(std::span<const std::uint8_t> datagram) {
  pass(outgoing_, datagram);
  for (; !outgoing_.out.empty(); outgoing_.out.pop_front()) carrier_->send(outgoing_.out.front());
}

std::span<const std::uint8_t> FaultyCarrier::receive(Clock::time_point until) {
  for (;;) {
    if (!incoming_.out.empty()) {
      received_ = std::move(incoming_.out.front());
      incoming_.out.pop_front();
      return received_;
    }
    const auto datagram = carrier_->receive(until);
    if (datagram.empty()) return {};
    pass(incoming_, datagram);
  }
}

}  // namespace opoloop::hil

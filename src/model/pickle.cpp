#include "pickle.h"

#include <bit>
#include <unordered_map>

// A pickle is a program for a machine with a stack, marks on it, and a memo of numbered values. Each instruction is one
// byte, followed by its operand. Those that build Python objects in other ways than a call of a global are refused.
namespace lockstep::model {
namespace {

using Kind = PickleValue::Kind;

// Every instruction makes at most one value; a ResNet-152 has 30,000.
constexpr size_t kMostValues = 2'000'000;

std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace

class PickleMachine {
 public:
  PickleMachine(Pickle& pickle, ByteReader& reader, const std::function<bool(std::string_view)>& allow)
      : pickle_(pickle), values_(pickle.values_), reader_(reader), allow_(allow) {}

  void run() {
    for (;;) {
      const auto code = reader_.read<uint8_t>("an instruction of the pickle");
      if (code == '.') break;
      if (!push_constant(code) && !push_text(code) && !change_container(code) && !use_memo(code) && !call(code))
        reader_.refuse("pickle instruction ", static_cast<int>(code), ", which no file of tensors has");
      if (values_.size() > kMostValues) reader_.refuse("a pickle of more than ", kMostValues, " values");
    }
    pickle_.root_ = pop();
  }

 private:
  bool push_constant(uint8_t code) {
    switch (code) {
      case 0x80:
        return reader_.read<uint8_t>("the protocol"), true;
      case 0x95:
        return reader_.read<uint64_t>("the length of a frame"), true;
      case 'N':
        return push({.kind = Kind::kNone});
      case 0x88:
        return push({.kind = Kind::kBool, .integer = 1});
      case 0x89:
        return push({.kind = Kind::kBool});
      case 'K':
        return push_integer(reader_.read<uint8_t>("a number"));
      case 'M':
        return push_integer(reader_.read<uint16_t>("a number"));
      case 'J':
        return push_integer(reader_.read<int32_t>("a number"));
      case 0x8a:
        return push_long(reader_.read<uint8_t>("a number"));
      case 0x8b:
        return push_long(reader_.read<uint32_t>("a number"));
      case 'G': {
        const uint64_t bits = __builtin_bswap64(reader_.read<uint64_t>("a number"));
        return push({.kind = Kind::kNumber, .number = std::bit_cast<double>(bits)});
      }
      default:
        return false;
    }
  }

  bool push_text(uint8_t code) {
    switch (code) {
      case 'U':
      case 0x8c:
        return push_text(Kind::kText, reader_.read<uint8_t>("a text"));
      case 'T':
      case 'X':
        return push_text(Kind::kText, reader_.read<uint32_t>("a text"));
      case 0x8d:
        return push_text(Kind::kText, reader_.read<uint64_t>("a text"));
      case 'C':
        return push_text(Kind::kBytes, reader_.read<uint8_t>("bytes"));
      case 'B':
        return push_text(Kind::kBytes, reader_.read<uint32_t>("bytes"));
      case 0x8e:
        return push_text(Kind::kBytes, reader_.read<uint64_t>("bytes"));
      default:
        return false;
    }
  }

  bool change_container(uint8_t code) {
    switch (code) {
      case '(':
        return marks_.push_back(stack_.size()), true;
      case ')':
        return push({.kind = Kind::kTuple});
      case ']':
        return push({.kind = Kind::kList});
      case '}':
        return push({.kind = Kind::kDict});
      case 't':
        return push({.kind = Kind::kTuple, .items = pop_to_mark()});
      case 'l':
        return push({.kind = Kind::kList, .items = pop_to_mark()});
      case 'd':
        return push(paired({.kind = Kind::kDict, .items = pop_to_mark()}));
      case 0x85:
      case 0x86:
      case 0x87:
        return push({.kind = Kind::kTuple, .items = pop(code - 0x84)});
      case 'a':
        return extend(Kind::kList, pop(1));
      case 'e':
        return extend(Kind::kList, pop_to_mark());
      case 's':
        return extend(Kind::kDict, pop(2));
      case 'u':
        return extend(Kind::kDict, pop_to_mark());
      case '0':
        return pop(), true;
      case '1':
        return pop_to_mark(), true;
      default:
        return false;
    }
  }

  bool use_memo(uint8_t code) {
    switch (code) {
      case 'q':
        return remember(reader_.read<uint8_t>("a memo's number"));
      case 'r':
        return remember(reader_.read<uint32_t>("a memo's number"));
      case 0x94:
        return remember(static_cast<uint32_t>(memo_.size()));
      case 'h':
        return recall(reader_.read<uint8_t>("a memo's number"));
      case 'j':
        return recall(reader_.read<uint32_t>("a memo's number"));
      default:
        return false;
    }
  }

  bool call(uint8_t code) {
    switch (code) {
      case 'c': {
        const std::string module = line();
        return push_global(module, line());
      }
      case 0x93: {
        const std::vector<int> names = pop(2);
        for (const int name : names)
          if (pickle_[name].kind != Kind::kText) reader_.refuse("the name of a global is no text");
        return push_global(std::string(pickle_[names[0]].text), pickle_[names[1]].text);
      }
      case 'R':
        return push_call();
      case 'Q':
        return push({.kind = Kind::kPersistent, .items = pop(1)});
      case 'b':
        return pop(), true;  // the state of an object: an OrderedDict's attributes, which say nothing of tensors
      default:
        return false;
    }
  }

  bool push(PickleValue value) {
    stack_.push_back(static_cast<int>(values_.size()));
    values_.push_back(std::move(value));
    return true;
  }

  bool push_integer(int64_t integer) { return push({.kind = Kind::kInteger, .integer = integer}); }

  bool push_long(size_t size) {
    const Bytes digits = reader_.take(size, "a number");
    if (size > sizeof(int64_t)) return push({.kind = Kind::kBytes, .text = text_of(digits)});
    uint64_t bits = size > 0 && (static_cast<uint8_t>(digits.back()) & 0x80) ? ~uint64_t{0} : 0;  // two's complement
    std::memcpy(&bits, digits.data(), size);
    return push_integer(static_cast<int64_t>(bits));
  }

  bool push_text(Kind kind, size_t size) { return push({.kind = kind, .text = text_of(reader_.take(size, "a text"))}); }

  bool push_global(const std::string& module, std::string_view name) {
    const std::string& full = pickle_.names_.emplace_back(cat(module, ".", name));
    if (!allow_(full))
      reader_.refuse("the file wants Python to load \"", full,
                     "\", and only tensors are read here, without Python. Save the weights alone: "
                     "torch.save(model.state_dict(), path), or with safetensors");
    return push({.kind = Kind::kGlobal, .text = full});
  }

  /// The one call that is understood here is that of OrderedDict, without arguments or with a list of pairs.
  bool push_call() {
    std::vector<int> items = pop(2);
    const PickleValue& arguments = pickle_[items[1]];
    if (arguments.kind != Kind::kTuple) reader_.refuse("the arguments of a call are no tuple");
    const PickleValue& callee = pickle_[items[0]];
    if (callee.kind != Kind::kGlobal) reader_.refuse("something is called that has no name");
    if (callee.text != "collections.OrderedDict") return push({.kind = Kind::kCall, .items = std::move(items)});
    PickleValue dict{.kind = Kind::kDict};
    if (!arguments.items.empty()) {
      const PickleValue& pairs = pickle_[arguments.items[0]];
      for (const int pair : pairs.items)
        dict.items.insert(dict.items.end(), pickle_[pair].items.begin(), pickle_[pair].items.end());
      copied_ += dict.items.size();
      if (copied_ > kMostValues) reader_.refuse("a pickle that copies more than ", kMostValues, " values");
    }
    return push(paired(std::move(dict)));
  }

  PickleValue paired(PickleValue dict) const {
    if (dict.items.size() % 2 != 0) reader_.refuse("a dict has a key without a value");
    return dict;
  }

  bool extend(Kind kind, const std::vector<int>& more) {
    if (stack_.empty() || pickle_[stack_.back()].kind != kind)
      reader_.refuse("something is put into what is no ", kind == Kind::kList ? "list" : "dict");
    if (kind == Kind::kDict && more.size() % 2 != 0) reader_.refuse("a dict has a key without a value");
    auto& items = values_[static_cast<size_t>(stack_.back())].items;
    items.insert(items.end(), more.begin(), more.end());
    return true;
  }

  bool remember(uint32_t number) {
    if (stack_.empty()) reader_.refuse("nothing is there to remember");
    memo_[number] = stack_.back();
    return true;
  }

  bool recall(uint32_t number) {
    const auto found = memo_.find(number);
    if (found == memo_.end()) reader_.refuse("memo ", number, " holds nothing");
    stack_.push_back(found->second);
    return true;
  }

  int pop() { return pop(1)[0]; }

  std::vector<int> pop(size_t n) {
    if (stack_.size() < n + (marks_.empty() ? 0 : marks_.back())) reader_.refuse("the pickle's stack is empty");
    const std::vector<int> items(stack_.end() - static_cast<long>(n), stack_.end());
    stack_.resize(stack_.size() - n);
    return items;
  }

  std::vector<int> pop_to_mark() {
    if (marks_.empty()) reader_.refuse("the pickle's stack has no mark");
    const size_t mark = marks_.back();
    marks_.pop_back();
    const std::vector<int> items(stack_.begin() + static_cast<long>(mark), stack_.end());
    stack_.resize(mark);
    return items;
  }

  std::string line() {
    std::string text;
    while (const char letter = reader_.read<char>("the name of a global")) {
      if (letter == '\n') return text;
      text += letter;
    }
    reader_.refuse("the name of a global holds a zero");
  }

  Pickle& pickle_;
  std::vector<PickleValue>& values_;
  ByteReader& reader_;
  const std::function<bool(std::string_view)>& allow_;
  std::vector<int> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint32_t, int> memo_;
  size_t copied_ = 0;  // without a limit a small file could fill the memory
};

Pickle::Pickle(ByteReader& reader, const std::function<bool(std::string_view name)>& allow) {
  PickleMachine(*this, reader, allow).run();
}

const PickleValue* Pickle::find(const PickleValue& dict, std::string_view key) const {
  if (dict.kind != Kind::kDict) return nullptr;
  for (size_t i = 0; i + 1 < dict.items.size(); i += 2)
    if (const PickleValue& name = (*this)[dict.items[i]]; name.kind == Kind::kText && name.text == key)
      return &(*this)[dict.items[i + 1]];
  return nullptr;
}

}  // namespace lockstep::model

#include "one_line.h"

#include "lockstep/core/text.h"

namespace lockstep::data {

std::string one_line(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n')
      text += "\\n";
    else if (c == '\t')
      text += "\\t";
    else if (byte < 32 || byte == 127)
      text += format("\\x%02X", byte);
    else
      text += c;
  }
  return text;
}

}  // namespace lockstep::data

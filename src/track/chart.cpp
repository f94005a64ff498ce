#include "lockstep/track/chart.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "lockstep/core/text.h"

namespace lockstep::track {
namespace {

// Pixels.
constexpr int kNames = 180, kBars = 520, kValues = 80, kBar = 14, kGap = 8, kTop = 56;
constexpr std::array kColours = {"#3b7dd8", "#e08a2c", "#4aa564", "#b0559c"};

/// Text as SVG may hold it. JSON's writer is asked for the repair of what is not UTF-8.
std::string escaped(const std::string& text) {
  using nlohmann::json;
  const std::string whole =
      json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
  std::string out;
  for (const char c : whole) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (static_cast<unsigned char>(c) >= 0x20)
      out += c;
  }
  return out;
}

std::string text_at(int x, int y, const char* anchor, const std::string& text) {
  return cat("<text x=\"", x, "\" y=\"", y, "\" text-anchor=\"", anchor, "\">", escaped(text), "</text>\n");
}

std::string bar(int y, double share, size_t series) {
  return format("<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", kNames, y, share * kBars,
                kBar - 2, kColours[series % kColours.size()]);
}

std::string legend(const BarChart& chart) {
  std::string text;
  int x = kNames;
  for (size_t s = 0; s < chart.series.size(); ++s, x += 140) {
    text +=
        format("<rect x=\"%d\" y=\"32\" width=\"10\" height=\"10\" fill=\"%s\"/>\n", x, kColours[s % kColours.size()]);
    text += text_at(x + 14, 41, "start", chart.series[s].name);
  }
  return text;
}

}  // namespace

std::string svg(const BarChart& chart) {
  double largest = 0;
  for (const auto& series : chart.series)
    for (const double value : series.values) largest = std::max(largest, value);
  const int row = kBar * static_cast<int>(chart.series.size()) + kGap;
  const int height = kTop + row * static_cast<int>(chart.names.size());
  std::string text = format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" "
      "font-size=\"12\" "
      "fill=\"#777\">\n",
      kNames + kBars + kValues, height);
  text += text_at(kNames, 20, "start", chart.title) + legend(chart);
  for (size_t n = 0; n < chart.names.size(); ++n) {
    const int y = kTop + row * static_cast<int>(n);
    text += text_at(kNames - 8, y + kBar * static_cast<int>(chart.series.size()) / 2 + 4, "end", chart.names[n]);
    for (size_t s = 0; s < chart.series.size(); ++s) {
      const double value = chart.series[s].values[n], share = largest > 0 ? value / largest : 0;
      const int top = y + kBar * static_cast<int>(s);
      text += bar(top, share, s);
      text += text_at(kNames + static_cast<int>(share * kBars) + 4, top + 10, "start", format("%.6g", value));
    }
  }
  return text + "</svg>\n";
}

}  // namespace lockstep::track

#pragma once

#include <string>
#include <vector>

namespace lockstep::track {

/// Bars from left to right, a row for each name and in it a bar for each series.
struct BarChart {
  struct Series {
    std::string name;
    std::vector<double> values;  ///< one a name, 0 or more
  };
  std::string title;
  std::vector<std::string> names;
  std::vector<Series> series;
};

/// An SVG that stands alone: text and rectangles, readable in light and dark. Names are escaped; bytes that are not
/// UTF-8 become U+FFFD.
std::string svg(const BarChart& chart);

}  // namespace lockstep::track

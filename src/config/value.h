#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/config/config.h"

// The types of the table of keys: what they are called, how they are written, and how they are read. For every type
// read_value(print_value(x)) is x.
namespace lockstep {

std::string type_name(int64_t);
std::string type_name(double);
std::string type_name(bool);
std::string type_name(const std::string&);
std::string type_name(const std::vector<int64_t>&);
std::string type_name(const std::vector<double>&);
std::string type_name(const ImageShape&);
std::string type_name(const Channel&);
std::string type_name(const std::optional<int64_t>&);

std::string print_value(int64_t value);
std::string print_value(double value);
std::string print_value(bool value);
std::string print_value(const std::string& value);
std::string print_value(const std::vector<int64_t>& values);
std::string print_value(const std::vector<double>& values);
std::string print_value(const ImageShape& shape);
std::string print_value(const Channel& channel);  ///< paths separated by `;`
std::string print_value(const std::optional<int64_t>& value);

/// Sets `value` from its text, which `valid` (keys.def) must allow. Returns what is wrong with it, and empty when all
/// is well.
[[nodiscard]] std::string read_value(const std::string& text, const std::string& valid, int64_t& value);
[[nodiscard]] std::string read_value(const std::string& text, const std::string& valid, double& value);
[[nodiscard]] std::string read_value(const std::string& text, const std::string& valid, bool& value);
[[nodiscard]] std::string read_value(const std::string& text, const std::string& valid, std::string& value);
[[nodiscard]] std::string read_value(const std::string& text, const std::string& valid, std::vector<int64_t>& values);
[[nodiscard]] std::string read_value(const std::string& text, const std::string& valid, std::vector<double>& values);
[[nodiscard]] std::string read_value(const std::string& text, const std::string& valid, ImageShape& shape);
[[nodiscard]] std::string read_value(const std::string& text, const std::string& valid, std::optional<int64_t>& value);

/// Sets one name of a channel: path (each item one path), content_type, distribution,
/// label_format or attribute_names.
[[nodiscard]] std::string read_channel_part(const std::string& part, const std::vector<std::string>& items,
                                            Channel& channel);

}  // namespace lockstep

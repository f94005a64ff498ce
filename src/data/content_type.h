#pragma once

#include <string>
#include <string_view>

#include "lockstep/data/dataset.h"

namespace lockstep::data {

/// The value of a parameter of a content type ("application/x-recordio; label-format=class-id"); empty where it is not
/// there. Names in any case.
std::string content_parameter(const std::string& content_type, std::string_view name);

/// Usage Error where the channel names attributes and is no manifest, where its content_type is unknown, or says
/// something else than what was found there: the row of datasets.def called `format`.
void check_content_type(const DatasetOptions& options, std::string_view format);

}  // namespace lockstep::data

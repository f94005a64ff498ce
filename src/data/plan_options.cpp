#include "lockstep/data/loader.h"

namespace lockstep::data {

image::PlanOptions plan_options(const Config& config, bool training) {
  const auto& h = config.hyperparameters;
  const Run& run = config.run;
  const std::string& augmentation = run.augmentation == "sagemaker" ? h.augmentation_type : run.augmentation;
  return {
      .channels = h.image_shape.channels,
      .height = h.image_shape.height,
      .width = h.image_shape.width,
      .resize = static_cast<int>(h.resize.value_or(0)),
      .augmentation = training ? image::parse_augmentation(augmentation) : image::Augmentation::kNone,
      .refuse_small = run.small_pictures == "refuse",
      .interpolation = image::parse_interpolation(run.interpolation),
      .scaled_decode = training && run.decode == "scaled"};  // evaluation repeats the figure that the card stands for
}

}  // namespace lockstep::data

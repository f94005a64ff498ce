#include "lockstep/data/loader.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <exception>
#include <thread>
#include <utility>

#include "batch_memory.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/core/thread.h"
#include "lockstep/data/rank_sampler.h"
#include "look_ahead.h"
#include "sample_decoder.h"
#include "worker_count.h"

namespace lockstep::data {
namespace {

/// A batch between its planning and next(). Workers take its samples one by one.
struct Pending {
  HostBatch batch;
  int64_t taken = 0;                       // samples that a worker has begun
  int64_t remaining = 0;                   // samples that are not done
  std::vector<std::exception_ptr> errors;  // [count]; none for a good sample
};

constexpr int64_t kBatchesObserved = 32;  // before the number of working threads is looked at again

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

template <class T>
void move_sample(std::span<T> values, int64_t from, int64_t to, size_t width) {
  if (from != to) std::memmove(&values[to * width], &values[from * width], width * sizeof(T));
}

}  // namespace

struct Loader::State {
  State(const Dataset& dataset, const SamplerOptions& sampler_options, LoaderOptions loader_options);
  ~State();

  void work(int number);
  Pending* wait_for_sample(int number, int64_t& position);
  void add_times(const LoaderTimes& sample);
  bool planned_all() const { return next_epoch >= options.epochs; }
  void plan_batch();
  void observe();
  std::shared_ptr<Pending> wait_for_batch();
  void leave_out_bad(Pending& pending);
  void count_bad(const Pending& pending, const std::exception_ptr& error);

  const Dataset& dataset;
  const LoaderOptions options;
  const SampleDecoder decoder;
  BatchLayout layout;
  std::shared_ptr<BatchMemory> memory;
  size_t memory_bytes = 0;

  // Guarded by memory->mutex.
  RankSampler sampler;
  int64_t next_epoch, next_batch;  // to be planned
  std::deque<std::shared_ptr<Pending>>
      pending;                      // in the sampler's order; only the last one has samples that nobody began
  std::exception_ptr worker_error;  // of a worker itself, not of a sample
  bool stopping = false;
  LoaderTimes times;  // without `elapsed`
  WorkerCount workers_at_work;

  // Of the consumer.
  std::exception_ptr failure;
  LoaderTimes observed;  // up to the last look at the number of threads
  int64_t batches_since = 0;
  int64_t skipped = 0, skipped_in_epoch = 0, epoch_of_skipped = -1;

  const Clock::time_point start = Clock::now();
  std::unique_ptr<LookAhead> look_ahead;
  std::vector<std::jthread> workers;
};

Loader::State::State(const Dataset& dataset_in, const SamplerOptions& sampler_options, LoaderOptions loader_options)
    : dataset(dataset_in),
      options(std::move(loader_options)),
      decoder(dataset_in, options),
      sampler(sampler_options, options.rank, options.size),
      next_epoch(options.first_epoch + options.first_batch / sampler.batches()),
      next_batch(options.first_batch % sampler.batches()),
      workers_at_work(std::max(1, options.threads), options.adapts) {
  require(options.size >= 1 && options.rank >= 0 && options.rank < options.size, ErrorKind::kBug, "rank ", options.rank,
          " of ", options.size);
  require(sampler.samples() == static_cast<int64_t>(dataset.size()), ErrorKind::kBug, "the sampler draws from ",
          sampler.samples(), " samples, the dataset has ", dataset.size());
  const auto& plan = options.plan;
  layout.samples = static_cast<size_t>(sampler.largest());
  layout.sample_pixels = size_t{1} * plan.channels * plan.height * plan.width;
  layout.label_width = static_cast<size_t>(dataset.label_width());
  const double batches = static_cast<double>(options.epochs - next_epoch) * static_cast<double>(sampler.batches()) -
                         static_cast<double>(next_batch);
  const int blocks = static_cast<int>(std::clamp(batches, 0.0, std::max(1, options.ahead) + 2.0));
  memory = std::make_shared<BatchMemory>(options.allocate, layout.bytes(), blocks);
  memory_bytes = layout.bytes() * static_cast<size_t>(blocks);
  look_ahead = std::make_unique<LookAhead>(dataset, options, sampler, next_epoch, next_batch);
}

Loader::State::~State() {
  {
    const std::lock_guard lock(memory->mutex);
    stopping = true;
    memory->changed.notify_all();
  }
  workers.clear();
}

/// With the lock held.
void Loader::State::plan_batch() {
  const RankBatch mine = sampler.batch(next_epoch, next_batch);
  auto made = std::make_shared<Pending>();
  HostBatch& batch = made->batch;
  batch.epoch = next_epoch;
  batch.index = next_batch;
  batch.last_of_epoch = next_batch + 1 == sampler.batches();
  batch.count = static_cast<int64_t>(mine.ids.size());
  batch.global_count = mine.global_count;
  batch.channels = options.plan.channels;
  batch.height = options.plan.height;
  batch.width = options.plan.width;
  batch.label_width = dataset.label_width();
  batch.memory = memory->take();
  auto* block = static_cast<std::byte*>(batch.memory.get());
  const auto count = static_cast<size_t>(batch.count);
  batch.pixels = {reinterpret_cast<uint8_t*>(block), count * layout.sample_pixels};
  batch.ids = {reinterpret_cast<int64_t*>(block + layout.ids_offset()), count};
  batch.labels = {reinterpret_cast<float*>(block + layout.labels_offset()), count * layout.label_width};
  std::ranges::copy(mine.ids, batch.ids.begin());
  made->remaining = batch.count;
  made->errors.resize(count);
  pending.push_back(std::move(made));
  look_ahead->advance();
  if (batch.last_of_epoch) ++next_epoch;
  next_batch = batch.last_of_epoch ? 0 : next_batch + 1;
}

/// The next sample to decode, or nothing when there will be none. Whoever finds the last batch begun plans the next
/// one: planning is in order because it happens under the lock.
Pending* Loader::State::wait_for_sample(int number, int64_t& position) {
  std::unique_lock lock(memory->mutex);
  while (!stopping) {
    if (number >= workers_at_work.active()) {
      memory->changed.wait(lock);
      continue;
    }
    if (!pending.empty() && pending.back()->taken < pending.back()->batch.count) {
      position = pending.back()->taken++;
      return pending.back().get();
    }
    if (planned_all()) return nullptr;
    if (pending.size() < static_cast<size_t>(std::max(1, options.ahead)) && memory->has_free()) {
      plan_batch();
      memory->changed.notify_all();
    } else {
      memory->changed.wait(lock);
    }
  }
  return nullptr;
}

void Loader::State::work(int number) try {
  name_thread(cat("load-", number));
  SampleDecoder::Scratch scratch;
  int64_t position = 0;
  while (Pending* mine = wait_for_sample(number, position)) {
    HostBatch& batch = mine->batch;
    const auto pixels = batch.pixels.subspan(position * layout.sample_pixels, layout.sample_pixels);
    const auto labels = batch.labels.subspan(position * layout.label_width, layout.label_width);
    std::exception_ptr error;
    try {
      decoder.decode(batch.epoch, batch.ids[position], scratch, pixels, labels);
    } catch (...) {
      error = std::current_exception();
    }
    const std::lock_guard lock(memory->mutex);
    add_times(std::exchange(scratch.times, {}));
    mine->errors[position] = std::move(error);
    if (--mine->remaining == 0) memory->changed.notify_all();
  }
} catch (...) {
  const std::lock_guard lock(memory->mutex);
  worker_error = std::current_exception();
  memory->changed.notify_all();
}

/// With the lock held.
void Loader::State::add_times(const LoaderTimes& sample) {
  times.samples += sample.samples;
  times.read += sample.read;
  times.plan += sample.plan;
  times.decode += sample.decode;
  times.apply += sample.apply;
}

/// With the lock held.
void Loader::State::observe() {
  if (++batches_since < kBatchesObserved) return;
  LoaderTimes now = times;
  now.elapsed = seconds_since(start);
  workers_at_work.observe(now - observed);
  observed = now;
  batches_since = 0;
}

/// The oldest batch, complete; nothing after the last one.
std::shared_ptr<Pending> Loader::State::wait_for_batch() {
  std::unique_lock lock(memory->mutex);
  if (pending.empty() && planned_all()) return nullptr;
  require(!pending.empty() || memory->has_free(), ErrorKind::kBug,
          "the next batch was asked for while all others are still in use; let go of them, or keep more batches ready");
  const auto begin = Clock::now();
  memory->changed.wait(lock, [&] { return worker_error || (!pending.empty() && pending.front()->remaining == 0); });
  times.waited += seconds_since(begin);
  if (worker_error) std::rethrow_exception(worker_error);
  auto done = std::move(pending.front());
  pending.pop_front();
  observe();
  memory->changed.notify_all();
  return done;
}

/// Throws the error unless it may be skipped. Called in the order of the samples, so the same samples are skipped
/// however many threads there are.
void Loader::State::count_bad(const Pending& done, const std::exception_ptr& error) try {
  if (done.batch.epoch != epoch_of_skipped) skipped_in_epoch = 0;
  epoch_of_skipped = done.batch.epoch;
  std::rethrow_exception(error);
} catch (const Error& bad) {
  if (bad.kind() != ErrorKind::kData || options.skip_bad == 0) throw;
  if (++skipped_in_epoch > options.skip_bad)
    fail(ErrorKind::kData, skipped_in_epoch, " unreadable samples in epoch ", done.batch.epoch, ", ", options.skip_bad,
         " may be skipped (run.skip_bad_records); the last one: ", bad.what());
  ++skipped;
  log::warning("left out: ", bad.what());
}

void Loader::State::leave_out_bad(Pending& done) {
  HostBatch& batch = done.batch;
  int64_t good = 0;
  for (int64_t i = 0; i < batch.count; ++i) {
    if (done.errors[i]) {
      count_bad(done, done.errors[i]);
      continue;
    }
    move_sample(batch.pixels, i, good, layout.sample_pixels);
    move_sample(batch.labels, i, good, layout.label_width);
    move_sample(batch.ids, i, good, 1);
    ++good;
  }
  batch.count = good;
  batch.pixels = batch.pixels.first(good * layout.sample_pixels);
  batch.labels = batch.labels.first(good * layout.label_width);
  batch.ids = batch.ids.first(good);
}

Loader::Loader(const Dataset& dataset, const SamplerOptions& sampler, LoaderOptions options)
    : state_(std::make_unique<State>(dataset, sampler, std::move(options))) {
  for (int i = 0; i < std::max(1, state_->options.threads); ++i)
    state_->workers.emplace_back([state = state_.get(), i] { state->work(i); });
}

Loader::~Loader() = default;

std::optional<HostBatch> Loader::next() {
  if (state_->failure) std::rethrow_exception(state_->failure);
  const auto done = state_->wait_for_batch();
  if (!done) return std::nullopt;
  try {
    state_->leave_out_bad(*done);
  } catch (...) {
    state_->failure = std::current_exception();
    throw;
  }
  return std::move(done->batch);
}

int64_t Loader::batches_per_epoch() const { return state_->sampler.batches(); }
double Loader::seconds_waited() const { return times().waited; }
LoaderTimes Loader::times() const {
  const std::lock_guard lock(state_->memory->mutex);
  LoaderTimes times = state_->times;
  times.elapsed = seconds_since(state_->start);
  return times;
}
int Loader::active_threads() const {
  const std::lock_guard lock(state_->memory->mutex);
  return state_->workers_at_work.active();
}
int64_t Loader::skipped() const { return state_->skipped; }
size_t Loader::memory_bytes() const { return state_->memory_bytes; }

}  // namespace lockstep::data

# Lockstep for NVIDIA GPUs with the entry point `train` of SageMaker's contract: docker build -f docker/cuda.Dockerfile -t lockstep:cuda .
#   docker run --rm --gpus all -v "$PWD/ml:/opt/ml" --user "$(id -u)" --shm-size 1g lockstep:cuda
#   docker run --rm --gpus all -v "$PWD:/mnt/run" -w /mnt/run --user "$(id -u)" --shm-size 1g lockstep:cuda mpirun -n 2 lockstep train config.yaml
# Wants an NVIDIA driver 580 or newer and the NVIDIA container toolkit on the host; CUDA itself comes with LibTorch's wheels.
# Not built: no Docker was at hand. Not run at all: launch/setup --cuda and docker/install of that size; the rest as cpu.Dockerfile's.
ARG base=debian:12.12-slim

FROM ${base} AS build
WORKDIR /src
COPY . .
ENV SOURCE_DATE_EPOCH=0
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates xz-utils && rm -rf /var/lib/apt/lists/*
RUN launch/setup --cuda
RUN docker/install /opt/lockstep

FROM ${base}
LABEL org.opencontainers.image.title="lockstep" \
      org.opencontainers.image.description="Trains image classifiers, data-parallel; entry point for SageMaker's training contract" \
      org.opencontainers.image.licenses="Apache-2.0"
# More than the entry point's Python: openssh-server openssh-client where Kubernetes' MPI operator starts the ranks.
ARG packages=""
RUN apt-get update && apt-get install -y --no-install-recommends python3 ${packages} && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --create-home lockstep && mkdir /opt/ml && chown lockstep /opt/ml
COPY --from=build /opt/lockstep /opt/lockstep
ENV PATH=/opt/lockstep/bin:$PATH LOCKSTEP_TORCH=/opt/lockstep/wheels \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
# Where /opt/ml is root's when the container starts, as it may be on SageMaker itself: --build-arg user=root.
ARG user=lockstep
USER ${user}
WORKDIR /opt/ml
STOPSIGNAL SIGTERM
CMD ["train"]

# Lockstep for CPUs with the entry point `train` of SageMaker's contract: docker build -f docker/cpu.Dockerfile -t lockstep:cpu .
#   docker run --rm -v "$PWD/ml:/opt/ml" --user "$(id -u)" --shm-size 1g lockstep:cpu
#   docker run --rm -v "$PWD:/mnt/run" -w /mnt/run --user "$(id -u)" --shm-size 1g lockstep:cpu mpirun -n 2 lockstep train config.yaml
# Not built: no Docker was at hand. Its commands were run in bare Debian 12 roots instead, with the program compiled outside (launch/setup
# compiles in such a root too: the README's first figure), and `train` in the second one as that user.
ARG base=debian:12.12-slim

FROM ${base} AS build
WORKDIR /src
COPY . .
ENV SOURCE_DATE_EPOCH=0
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates xz-utils && rm -rf /var/lib/apt/lists/*
RUN launch/setup --cpu
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
ENV PATH=/opt/lockstep/bin:$PATH LOCKSTEP_TORCH=/opt/lockstep/wheels
# Where /opt/ml is root's when the container starts, as it may be on SageMaker itself: --build-arg user=root.
ARG user=lockstep
USER ${user}
WORKDIR /opt/ml
STOPSIGNAL SIGTERM
CMD ["train"]

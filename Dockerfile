# Builds as "make build" does, and runs as a user without privileges.
FROM debian:bookworm-slim AS build
WORKDIR /src
RUN apt-get update && apt-get install -y --no-install-recommends make
COPY scripts scripts
RUN scripts/setup packages
COPY go.mod go.sum ./
RUN GOTOOLCHAIN=auto go mod download
COPY . .
ENV FRONTDESK_SPEECH_MODELS=/usr/share/frontdesk/models
RUN mkdir -p $FRONTDESK_SPEECH_MODELS && make build

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libopus0 libopusfile0 libpocketsphinx3 pocketsphinx-en-us flite espeak-ng \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --create-home --home-dir /var/lib/frontdesk frontdesk
COPY --from=build /src/bin/frontdesk /usr/local/bin/frontdesk
COPY --from=build /src/agents /usr/share/frontdesk/agents
COPY --from=build /usr/share/frontdesk/models /usr/share/frontdesk/models
USER frontdesk
WORKDIR /var/lib/frontdesk
ENV FRONTDESK_AGENTS=/usr/share/frontdesk/agents FRONTDESK_DATA=/var/lib/frontdesk/data FRONTDESK_SPEECH_MODELS=/usr/share/frontdesk/models
VOLUME /var/lib/frontdesk
EXPOSE 8080/tcp 8080/udp
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s CMD ["frontdesk", "health"]
CMD ["frontdesk", "serve"]

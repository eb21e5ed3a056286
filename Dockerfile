# docker build --build-arg REVISION=$(git rev-parse HEAD) --build-arg VERSION=$(npm pkg get version | tr -d '"') .
# For both platforms: docker buildx build --platform linux/amd64,linux/arm64 --sbom=true --provenance=mode=max …
#
# An exact version, so that a rebuild gets the same Node. A digest pins the bytes as well; it differs by registry and mirror,
# so it is yours to add: --build-arg NODE_IMAGE=node:22.23.3-bookworm-slim@sha256:… (docker buildx imagetools inspect shows it).
ARG NODE_IMAGE=node:22.23.3-bookworm-slim

# Both of these stages run on the builder's own platform: what they make is JavaScript and the same on every other.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# With optional ones: among them is the compiler of Vite for this platform.
RUN npm ci --ignore-scripts
COPY nest-cli.json tsconfig.json tsconfig.build.json vite.service.mjs ./
COPY migrations ./migrations
COPY console ./console
COPY src ./src
RUN npm run build

FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Optional are the binaries of the embedded PostgreSQL (60 MB), which no container needs: it is given DATABASE_URL.
# Source maps, types and TypeScript sources of packages are never read: without them 156 MB on disk become 78 MB.
RUN npm ci --omit=dev --omit=optional --ignore-scripts && \
    find node_modules -type f -regex '.*\.\(map\|ts\|mts\|cts\|tsbuildinfo\)' -delete

FROM ${NODE_IMAGE}
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="multi-model-manager" \
      org.opencontainers.image.description="Registers any HTTP inference service by data alone, and balances calls over it" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="docker.io/library/node:22.23.3-bookworm-slim"
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
# What V8 compiled of the service in a start without a database. It belongs to this Node on this platform.
RUN node dist/src/bundle/compile-service.js
# DATA_DIR stays empty as long as there is a DATABASE_URL; the root file system may be read-only.
RUN install --directory --owner=1000 --group=1000 /data
ENV HOST=0.0.0.0 DATA_DIR=/data
# By number, so that Kubernetes can see that it is not root: the user "node" of the base image.
USER 1000:1000
EXPOSE 8007
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8007}/livez`).then(({ ok }) => process.exit(Number(!ok)))"]
# Node is process 1: main.ts hears SIGTERM before it loads anything, so no init is needed.
CMD ["node", "dist/src/main.js"]

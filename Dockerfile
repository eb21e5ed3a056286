# Another registry's, or one pinned by its digest: --build-arg NODE_IMAGE=node:22-slim@sha256:…
ARG NODE_IMAGE=node:22-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=optional --ignore-scripts
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY migrations ./migrations
COPY src ./src
RUN npm run build

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Optional are the binaries of the embedded PostgreSQL (60 MB), which no container needs: it is given DATABASE_URL.
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="multi-model-manager" \
      org.opencontainers.image.description="Registers any HTTP inference service by data alone, and balances calls over it" \
      org.opencontainers.image.licenses="MIT"
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
# DATA_DIR stays empty as long as there is a DATABASE_URL; the root file system may be read-only.
RUN install --directory --owner=1000 --group=1000 /data
ENV HOST=0.0.0.0 DATA_DIR=/data
# By number, so that Kubernetes can see that it is not root: the user "node" of the base image.
USER 1000:1000
EXPOSE 8007
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8007}/livez`).then(({ ok }) => process.exit(Number(!ok)))"]
CMD ["node", "--enable-source-maps", "dist/src/main.js"]

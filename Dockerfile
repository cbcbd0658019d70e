# syntax=docker/dockerfile:1
# The image of the agent: Node, the libraries that Node needs, the program and its packages. No shell, no package manager.
#
#     docker buildx build --platform linux/amd64,linux/arm64 --tag audit-shipper:0.1.0 .
#
# The digest is that of the index of both architectures. Raise tag and digest together.

# The program is the same on every architecture, so it is built on the one of the builder.
FROM --platform=$BUILDPLATFORM node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6 AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY assembly ./assembly
COPY src ./src
RUN npm run build
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund
# Maps lead to sources that the image does not have.
RUN find dist/src -name '*.map' -delete

# Node, its loader and its libraries, by their own paths, for the architecture of the image.
FROM node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6 AS system
RUN mkdir -p /system/etc /system/usr/local/bin
RUN cp /usr/local/bin/node /system/usr/local/bin/node
RUN ldd /usr/local/bin/node | grep -o '/[^ ]*' | xargs cp --dereference --parents --target-directory /system
RUN echo 'hosts: files dns' > /system/etc/nsswitch.conf

FROM scratch
LABEL org.opencontainers.image.title="audit-shipper" \
      org.opencontainers.image.description="Ships Kubernetes audit logs off the control-plane nodes: nothing lost, nothing uncounted." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=system /system /
COPY package.json LICENSE /app/
COPY docker/healthcheck.mjs /app/healthcheck.mjs
COPY --from=build /build/node_modules /app/node_modules
COPY --from=build /build/dist/src /app/dist/src
ENV PATH=/usr/local/bin NODE_ENV=production
# Nobody, for whoever runs the image as it is. The DaemonSet says 0: kube-apiserver's files are root's, with mode 0600.
USER 65532:65532
HEALTHCHECK --interval=30s --timeout=6s --start-period=30s CMD ["/usr/local/bin/node", "/app/healthcheck.mjs"]
ENTRYPOINT ["/usr/local/bin/node", "/app/dist/src/main.js"]

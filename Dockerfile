# syntax=docker/dockerfile:1
# The broker alone: Bun and what it imports, nothing else; no shell, no package manager, not root, no file it has to write.

FROM node:24-trixie-slim AS build
WORKDIR /build
COPY . .
RUN npx -y pnpm@12 install --frozen-lockfile
RUN npx -y pnpm@12 --filter @claudemesh/broker deploy --prod --no-optional --legacy /image/app
RUN cp -L node_modules/bun/bin/bun.exe /image/bun
RUN mkdir /image/keys

FROM gcr.io/distroless/cc-debian13:nonroot
COPY --from=build /image/bun /usr/local/bin/bun
COPY --from=build /image/app /app
# A broker key that is a file: a volume here, which keeps the owner of this folder.
COPY --from=build --chown=65532:65532 /image/keys /keys
WORKDIR /app
USER 65532:65532
ENV HOST=0.0.0.0
EXPOSE 7900
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["bun", "-e", "process.exit((await fetch(`http://127.0.0.1:${process.env.BROKER_PORT ?? process.env.PORT ?? 7900}/ready`)).ok ? 0 : 1)"]
CMD ["bun", "src/main.ts"]

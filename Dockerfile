# One image for every service, the operator, the mock quote server and the load generator.
#   docker build --build-arg VERSION="$(git describe --always --dirty)" -t daytrader:dev .
ARG BASE=docker.io/library/python:3.11-slim

FROM ${BASE} AS build
# The environment is made without a pip of its own and filled by the base image's, so none has to be taken out again.
RUN python3 -m venv --without-pip /opt/daytrader
WORKDIR /src
COPY requirements/image.lock requirements/
RUN python3 -m pip --python /opt/daytrader/bin/python install \
      --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r requirements/image.lock
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY operator operator
RUN python3 -m pip --python /opt/daytrader/bin/python install --no-cache-dir --disable-pip-version-check --no-deps .

FROM ${BASE}
# The environment needs the interpreter and the standard library of the base image; its installers serve nobody here.
RUN rm -rf /usr/local/lib/python3.*/site-packages/pip* /usr/local/lib/python3.*/site-packages/setuptools* \
      /usr/local/lib/python3.*/site-packages/wheel* /usr/local/lib/python3.*/ensurepip /usr/local/bin/pip* \
      /usr/lib/python3/dist-packages/pip* /usr/lib/python3/dist-packages/setuptools* /usr/bin/pip*
COPY --from=build /opt/daytrader /opt/daytrader
# The user has a number alone, any other would do as well; who asks for a name (kopf does) gets this one.
ENV PATH=/opt/daytrader/bin:$PATH \
    HOME=/tmp \
    USER=daytrader \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# What changes with every build comes last: the layers above stay as they are.
ARG VERSION=unknown
ENV DAYTRADER_BUILD=${VERSION}
LABEL org.opencontainers.image.title="daytrader" \
      org.opencontainers.image.description="Day trading services, their Kubernetes operator and their load generator" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}"
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["daytrader"]
CMD ["--help"]

# What a program of ours needs beside Python: the locked distributions, laid out by compose/local/image_context.py, and
# the C++ library that some of them count on. They change seldom and are large, so they are an image of their own.
ARG BASE
FROM ${BASE}
COPY system /
COPY libraries /opt/safeconduct/libraries

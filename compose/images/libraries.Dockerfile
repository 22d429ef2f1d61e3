# What a program of ours needs beside Python: the locked distributions, laid out by compose/local/image_context.py, the
# C++ library and the zone UTC. They change seldom and are large, so they are an image of their own.
ARG BASE
FROM ${BASE}
COPY system /
COPY libraries /opt/safeconduct/libraries
# A tmpfs takes the mode of the folder that it covers, whatever its options say.
RUN ["python3", "-c", "import os; os.chmod('/tmp', 0o1777)"]

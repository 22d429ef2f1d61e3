# The registry on its libraries.
# No compiler, no installer, no shell of ours, no secret; every file is root's, and the user can write none of them.
ARG LIBRARIES
FROM ${LIBRARIES}
COPY passwd group /etc/
COPY program /opt/safeconduct/program
ENV PYTHONPATH=/opt/safeconduct/program:/opt/safeconduct/libraries \
    SAFECONDUCT_WEB=/opt/safeconduct/program/web PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
# The root is read-only when it runs: what is not compiled now would be compiled at every start.
RUN ["python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "/opt/safeconduct/program"]
# A library that is missing, or that is for another Python, shows here and not in the hospital.
RUN ["python3", "-c", "import client.cli, registry.main, registry.cli.server, psycopg"]
USER 10001:10001
ENTRYPOINT ["python3", "-m", "client.cli"]
CMD ["registry", "run", "--dir", "/registry", "--uds", "/run/registry/http.sock"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "/opt/safeconduct/program/answers.py", "/run/registry/http.sock", "/healthz"]

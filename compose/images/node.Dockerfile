# The node on its libraries: agent, sweeper, worker and admin page are one image with several commands.
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
RUN ["python3", "-c", "import client.cli, sandbox.cli.node, sandbox.worker.service, sandbox.data.stage, sandbox.gate.releasing, psycopg, celery.bin.worker, kombu.asynchronous.hub"]
USER 10001:10001
ENTRYPOINT ["python3", "-m", "client.cli"]
CMD ["node", "run", "--dir", "/state/node"]

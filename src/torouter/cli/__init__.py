"""The commands. Each is thin: options in, one call into the house, lines out; the house is imported when it is needed.

What scripts read goes to standard output, the rest to standard error. A failure is a sentence and an exit code: 2 for
what the operator wrote (options, variables, the configuration file), 1 for everything else.
"""

from torouter.cli.accounts import account
from torouter.cli.audit import audit
from torouter.cli.channels import channel
from torouter.cli.config import config
from torouter.cli.explain import explain
from torouter.cli.groups import group
from torouter.cli.keys import key
from torouter.cli.plans import plan, subscription
from torouter.cli.prices import price
from torouter.cli.processes import process
from torouter.cli.root import cli, main
from torouter.cli.serving import check, serve, version
from torouter.cli.stores import db
from torouter.cli.tokens import token
from torouter.cli.usage import usage

__all__ = ["cli", "main"]

for _command in (
    serve, check, config, channel, explain, key, group, account, plan, subscription, price, usage, token, audit,
    process, db, version,
):  # fmt: skip
    cli.add_command(_command)

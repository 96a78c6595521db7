"""`manyshot rl`: the table of the commands of reinforcement learning."""

from manyshot.cli import rl_agents, rl_diagnose, rl_worlds
from manyshot.cli.shared_options import command_group

rl = command_group(
    "Reinforcement learning: worlds, and augmentation that lets an agent adapt to worlds that it never saw."
)

rl.command(epilog=rl_worlds.EXAMPLES)(rl_worlds.worlds)
rl.command(epilog=rl_agents.TRAIN_EXAMPLES)(rl_agents.train)
rl.command(epilog=rl_agents.EVALUATE_EXAMPLES)(rl_agents.evaluate)
rl.command(epilog=rl_agents.COMPARE_EXAMPLES)(rl_agents.compare)
rl.command(epilog=rl_diagnose.EXAMPLES)(rl_diagnose.diagnose)

"""Worlds by name, with their options in text."""

from manyshot.base.registry import Registry
from manyshot.rl.worlds.world import World

WORLDS: Registry[World] = Registry(
    "world",
    {
        "leap": "manyshot.rl.worlds.leap:Leap",
        "point": "manyshot.rl.worlds.point_world:Point",
        "rooms": "manyshot.rl.worlds.rooms:Rooms",
        "cart": "manyshot.rl.worlds.cart:Cart",
        "gym": "manyshot.rl.gym:GymWorld",
    },
    group="manyshot.worlds",
)
"""Every world by its name, such as `point(sees_goal=yes)`; the options are the fields of the class."""

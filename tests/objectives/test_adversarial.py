import torch

from manyshot.objectives import MLTI, Adversarial


def losses_of(make, sizes, learner, **options):
    episode = make.episode_of(tasks=4)
    return [
        float(Adversarial(size, **options).loss(learner, make.tasks_of(episode), make.draws(seed)).detach())
        for seed in range(6)
        for size in sizes
    ]


def test_the_lambdas_move_to_where_the_loss_is_higher(make):
    for learner in (make.prototypes(), make.maml()):
        losses = torch.tensor(losses_of(make, (0.0, 0.02), learner)).view(-1, 2)
        assert (losses[:, 1] >= losses[:, 0] - 1e-9).all()
        assert (losses[:, 1] > losses[:, 0]).any()


def test_without_a_step_it_is_mlti(make):
    learner, episode = make.maml(), make.episode_of()
    for hidden in (True, False):
        still = Adversarial(0.0, hidden=hidden).loss(learner, make.tasks_of(episode), make.draws(2))
        mlti = MLTI(hidden=hidden).loss(learner, make.tasks_of(episode), make.draws(2))
        assert torch.allclose(still, mlti, atol=1e-6)  # shares are drawn in single precision


def test_support_and_query_of_a_class_keep_one_lambda(make):
    episode = make.episode_of(tasks=3)
    params = MLTI().sample(episode, 1, make.draws())
    share = torch.rand(3, 3)
    between = MLTI().interpolated(episode, {**params, "lam": share})
    for side, mixed in ((episode.support, between.support), (episode.query, between.query)):
        for t in range(3):
            j = int(params["partner"][t])
            for i, way in enumerate(side.class_ids[t].tolist()):
                number = int((side.class_ids[t][:i] == way).sum())
                other = (side.class_ids[j] == params["classes"][t, way]).nonzero()[number, 0]
                s = share[t, way].double()
                assert torch.allclose(mixed.items[t, i], s * side.items[t, i] + (1 - s) * side.items[j, other])


def test_works_where_gradients_are_off(make):
    with torch.no_grad():
        loss = make.loss_of(Adversarial(), make.maml(), make.episode_of())
    assert torch.isfinite(loss)

"use strict";
// What any schedule would cost of other sizes, from the coefficients of analysis/prediction.py; a
// test compares the two.
(() => {
  function workload(size, evaluations, followed) {
    let microBatches, rows;
    if (size.train_samples === null) {
      microBatches = size.steps * size.accumulation;
      rows = microBatches * size.train_batch;
    } else {
      const whole = Math.floor(size.train_samples / size.train_batch);
      const each = size.drop_last ? whole : Math.ceil(size.train_samples / size.train_batch);
      microBatches = size.epochs * each;
      rows = size.epochs * (size.drop_last ? whole * size.train_batch : size.train_samples);
    }
    const evaluated = size.evaluation_sets.reduce((sum, n) => sum + n, 0);
    return {
      steps: size.steps,
      microBatches,
      tokens: rows * size.train_tokens_per_sample,
      evaluations,
      followed,
      batches: size.evaluation_sets.reduce(
        (sum, n) => sum + Math.ceil(n / size.evaluation_batch), 0),
      evaluationRows: evaluated,
      evaluationTokens: evaluated * size.evaluation_tokens_per_sample,
    };
  }

  function totalSeconds(costs, of) {
    const trained = costs.fixed_s + of.steps * (costs.step_s + costs.save_log_s)
      + of.microBatches * costs.micro_batch_s + of.tokens * costs.token_s;
    if (!of.evaluations) return [trained, 0];
    const each = costs.loader_s + of.batches * costs.batch_s
      + of.evaluationTokens * costs.evaluation_token_s
      + of.evaluationRows * costs.gathered_sample_s;
    const evaluated = of.evaluations * each + costs.first_evaluation_s;
    const beside = of.evaluations * costs.evaluation_log_s + of.followed * costs.after_effect_s;
    return [trained + evaluated + beside, evaluated];
  }

  function interval(estimate, reach, back) {
    return { estimate: back(estimate), low: back(estimate - reach), high: back(estimate + reach) };
  }

  function predict(model, size, evaluations, followed) {
    const [wall, evaluated] = totalSeconds(model.costs, workload(size, evaluations, followed));
    const [base] = totalSeconds(model.costs, workload(size, 0, 0));
    const rest = wall - evaluated;
    const halfWidth = Math.hypot(model.sampled_half_width, model.evaluation_half_width,
      model.event_half_width / Math.sqrt(Math.max(1, evaluations)));
    const more = followed * model.after_effect_half_width_s;
    const ofWall = Math.hypot(evaluated / wall * halfWidth, Math.log1p(more / wall));
    const ofOdds = Math.hypot(halfWidth, Math.log1p(more / rest));
    const nothing = { estimate: 0, low: 0, high: 0 };
    const share = (odds) => 1 / (1 + Math.exp(-odds));
    const gain = (logGain) => Math.max(0, Math.expm1(logGain));
    return {
      wall: interval(Math.log(wall), Math.hypot(ofWall, model.pace_half_width), Math.exp),
      share: evaluated > 0 ? interval(Math.log(evaluated / rest), ofOdds, share) : nothing,
      gain: evaluated > 0 ? interval(Math.log(wall / base), ofWall, gain) : nothing,
    };
  }

  function densest(model, size, within, extra) {
    const fits = (evaluations) => predict(
      model, size, evaluations + extra, Math.max(0, evaluations - 1)).share.high <= within;
    let [low, high] = [0, size.steps];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (fits(middle)) low = middle; else high = middle - 1;
    }
    return low;
  }

  function rounded(steps) {
    let unit = 1;
    while (steps >= 100 * unit) unit *= 10;
    return Math.ceil(steps / unit) * unit;
  }

  function stepsPerEpoch(size) {
    const whole = size.drop_last ? Math.floor : Math.ceil;
    return Math.max(
      1, Math.ceil(whole(size.train_samples / size.train_batch) / size.accumulation));
  }

  // the job with other sizes; what is not changed stays as it was counted
  function resized(size, wanted) {
    const there = size.evaluation_sets.reduce((sum, n) => sum + n, 0);
    const changed = { ...size, evaluation_batch: wanted.evaluation_batch };
    if (wanted.evaluation_samples !== there) {
      changed.evaluation_sets = size.evaluation_sets.map(
        (n) => Math.max(1, Math.round(n * wanted.evaluation_samples / there)));
    }
    if (size.train_samples === null) {
      if (wanted.epochs !== size.epochs) {
        changed.steps = Math.max(1, Math.round(size.steps * wanted.epochs / size.epochs));
      }
    } else if (wanted.train_samples !== size.train_samples || wanted.epochs !== size.epochs) {
      changed.train_samples = wanted.train_samples;
      changed.steps = Math.max(1, Math.ceil(wanted.epochs * stepsPerEpoch(changed) - 1e-9));
    }
    changed.epochs = wanted.epochs;
    return changed;
  }

  const percent = (found) => `${(100 * found.estimate).toFixed(1)} `
    + `[${(100 * found.low).toFixed(1)}, ${(100 * found.high).toFixed(1)}]`;
  const whole = (value) => Math.round(value).toLocaleString("en-US");
  const seconds = (value) => (value < 100 ? value.toFixed(2) : whole(value));
  const span = (found) =>
    `${seconds(found.estimate)} [${seconds(found.low)}, ${seconds(found.high)}]`;

  function schedules(size, every, recommended, extra) {
    const { steps, epochs } = size;
    // an epoch that is cut short ends as well, but is none of those that are counted
    const ended = Math.ceil(epochs - 1e-9);
    const counted = Math.floor(Math.floor(epochs + 1e-9) / every);
    const last = Math.abs(counted * every - epochs) < 1e-9;
    const rows = [
      ["off", 0, 0],
      ["once, at the end", 1, 0],
      ["every epoch", ended + extra, ended - 1],
      [`every ${every} epochs`, counted + extra, counted - (last ? 1 : 0)],
    ];
    if (recommended) {
      const count = Math.ceil(steps / recommended);
      rows.push([`every ${whole(recommended)} steps`, count + extra, count - 1]);
    }
    return rows;
  }

  function show(root) {
    const told = JSON.parse(root.querySelector("script").textContent);
    const field = (name) => root.querySelector(`[name=${name}]`);
    const chosen = () => told.models[Number(field("model").value)];

    function reset() {
      const { size } = chosen();
      const rows = size.evaluation_sets.reduce((sum, n) => sum + n, 0);
      const own = {
        train_samples: size.train_samples, evaluation_samples: rows, n: 2,
        evaluation_batch: size.evaluation_batch, epochs: size.epochs,
      };
      for (const [name, value] of Object.entries(own)) {
        field(name).closest("label").hidden = value === null;
        if (value === null) continue;
        field(name).value = value;
        const slider = field(`${name}_slider`);
        slider.dataset.own = value;
        slider.value = slider.dataset.linear ? value : 0;
      }
    }

    function update() {
      const model = chosen();
      const number = (name) => {
        const found = Number(field(name).value);
        return Number.isFinite(found) && found > 0 ? found : Number(field(`${name}_slider`).dataset.own);
      };
      const size = resized(model.size, {
        train_samples: model.size.train_samples === null ? null : Math.max(1, Math.round(number("train_samples"))),
        evaluation_samples: Math.max(1, Math.round(number("evaluation_samples"))),
        evaluation_batch: Math.max(1, Math.round(number("evaluation_batch"))),
        epochs: number("epochs"),
      });
      const every = Math.max(1, Math.round(number("n")));
      const most = densest(model, size, told.within, told.extra);
      const recommended = most > 1
        ? Math.min(size.steps, rounded(Math.ceil(size.steps / most))) : 0;
      const body = root.querySelector("tbody");
      body.replaceChildren(...schedules(size, every, recommended, told.extra).map(
        ([schedule, evaluations, followed]) => {
          const found = predict(model, size, evaluations, Math.max(0, followed));
          const row = document.createElement("tr");
          const head = document.createElement("th");
          head.scope = "row";
          head.textContent = schedule;
          row.append(head, ...[
            whole(evaluations), span(found.wall), percent(found.share), percent(found.gain),
          ].map((text) => {
            const cell = document.createElement("td");
            cell.className = "n";
            cell.textContent = text;
            return cell;
          }));
          return row;
        }));
      const lines = [];
      if (recommended) {
        lines.push(
          `# within ${+(100 * told.within).toFixed(2)}% of the training time`
            + (told.extra ? ", with the evaluation that LLaMA-Factory adds after training" : ""),
          "eval_strategy: steps", `eval_steps: ${recommended}`);
      } else if (densest(model, size, told.within, 0)) {
        lines.push(`# within ${+(100 * told.within).toFixed(2)}% of the training time: once, after training`,
          'eval_strategy: "no"', "do_eval: true");
      } else {
        lines.push(`# no schedule stays within ${+(100 * told.within).toFixed(2)}% of the training time`,
          'eval_strategy: "no"', "do_eval: false");
      }
      root.querySelector("pre").textContent = lines.join("\n");
      const others = root.querySelectorAll("pre")[1];
      others.hidden = size.train_samples === null;
      if (!others.hidden) {
        others.textContent = [
          `# every ${every} epochs; the Trainer evaluates after the last step as well`
            + (told.extra ? ", and LLaMA-Factory once more" : ""),
          "eval_strategy: steps",
          `eval_steps: ${every * stepsPerEpoch(size)}`].join("\n");
      }
    }

    root.addEventListener("input", ({ target }) => {
      if (target.type === "range") {
        const own = Number(target.dataset.own);
        const value = target.dataset.linear
          ? Number(target.value) : Math.max(1, Math.round(own * 10 ** (target.value / 100)));
        field(target.name.replace("_slider", "")).value = value;
      } else if (target.name === "model") {
        reset();
      }
      update();
    });
    reset();
    update();
    root.hidden = false;
  }

  document.querySelectorAll(".what-if").forEach(show);
})();

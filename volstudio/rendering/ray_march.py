"""The text of the ray march that draws all volumes of a scene, put into VTK's volume shader at its documented extension points.

VTK does the bookkeeping (textures, matrices, clipping planes, depth of other geometry); the march itself is ours, for four reasons:

- VTK 9.7 lights volumes under an oblique affine from the wrong side (by about 17 grey levels), several at once always. Here the normal is
  the gradient carried by the transposed inverse of voxel -> world, which is right for oblique, flipped and sheared affines.
- Samples of several volumes at one depth are mixed by their opacities, so that no volume comes first.
- A layer's opacity fades the layer as it looks (a sheet of glass), instead of thinning it into a fog.
- Empty space is crossed in double steps, and what adds less than a grey level is not lit: about three times as fast on software OpenGL.

The text depends on the number of volumes alone; everything else is a uniform, so that moving a slider compiles nothing. A VTK release may
rename what the text relies on; `volstudio.rendering.volume_actor` then falls back to VTK's own march without lighting, and says so.
"""

from __future__ import annotations

__all__ = ["MARK", "extension_texts"]

# A name that only our text holds: by it the compiled shader is recognised.
MARK = "vs_toTexture0"
# How much of a pixel is lit at once: smaller is finer and slower. Light is two thirds of the time where every sample is lit.
PORTION = 0.12

DECLARATIONS = """
// Light from above the left shoulder of the person looking, in eye space.
const vec3 vs_light = vec3(-0.398, 0.498, 0.770);

// From the eye into the scene, in eye space.
vec3 vs_ray;

// Steps along a ray at which it enters and leaves the unit cube of a texture.
vec2 vs_span(vec3 start, vec3 way)
{
  vec3 safe = vec3(abs(way.x) < 1e-9 ? 1e-9 : way.x, abs(way.y) < 1e-9 ? 1e-9 : way.y, abs(way.z) < 1e-9 ? 1e-9 : way.z);
  vec3 a = -start / safe;
  vec3 b = (1.0 - start) / safe;
  vec3 near = min(a, b);
  vec3 far = max(a, b);
  return vec2(max(near.x, max(near.y, near.z)), min(far.x, min(far.y, far.z)));
}

vec3 vs_shaded(vec3 colour, vec3 slope, float flatness, vec4 material, vec3 towardsEye)
{
  float steep = length(slope);
  if (steep < 1e-12)
    {
    return colour * min(material.x + 0.75 * material.y, 1.0);
    }
  vec3 normal = slope / steep;
  normal = dot(normal, towardsEye) < 0.0 ? -normal : normal;
  float diffuse = max(dot(normal, vs_light), 0.0);
  float fill = 0.5 + 0.5 * dot(normal, towardsEye);
  vec3 halfway = normalize(vs_light + towardsEye);
  float gloss = pow(max(dot(normal, halfway), 0.0), material.w);
  vec3 lit = colour * (material.x + material.y * (0.72 * diffuse + 0.28 * fill)) + material.z * gloss;
  // Where the image hardly changes there is no surface to light, only noise: such places keep an even tone.
  float surface = smoothstep(0.02, 0.16, steep * flatness);
  return mix(colour * min(material.x + 0.75 * material.y, 1.0), lit, surface);
}
"""

# in_cellToPoint is VTK's inset from texture edges to voxel centres.
SETUP = """
      mat4 vs_fromWorld{k} = in_cellToPoint[{port}] * in_inverseTextureDatasetMatrix[{port}] * in_inverseVolumeMatrix[{port}];
      mat4 vs_toTexture{k} = vs_fromWorld{k} * in_volumeMatrix[0] * in_textureDatasetMatrix[0];
      vs_start{k} = (vs_toTexture{k} * vec4(g_dataPos, 1.0)).xyz;
      vs_way{k} = (vs_toTexture{k} * vec4(g_dirStep, 0.0)).xyz;
      vec2 vs_inside{k} = vs_span(vs_start{k}, vs_way{k});
      vs_toEye{k} = mat3(in_modelViewMatrix) * transpose(mat3(vs_fromWorld{k}));
      vs_waiting{k} = vec4(0.0);
      vs_place{k} = 0.0;
      vs_cells{k} = vec3(textureSize(in_volume[{k}], 0));
      float vs_own{k} = 0.0;
      vs_first = min(vs_first, vs_inside{k}.y > vs_inside{k}.x ? vs_inside{k}.x : vs_first);
      vs_last = max(vs_last, vs_inside{k}.y > vs_inside{k}.x ? vs_inside{k}.y : vs_last);
"""

PROBE = """
        float vs_value{k} = 0.0;
        float vs_alpha{k} = 0.0;
        if (vs_t >= vs_inside{k}.x && vs_t <= vs_inside{k}.y && vs_own{k} < 0.995)
          {{
          vs_value{k} = textureLod(in_volume[{k}], vs_start{k} + vs_way{k} * vs_t, 0.0).r * in_volume_scale[{k}].r + in_volume_bias[{k}].r;
          vs_alpha{k} = textureLod(in_opacityTransferFunc_{k}[0], vec2(vs_value{k}, 0.0), 0.0).r;
          }}
"""

# seen: what this sample adds to the layer's own opacity; local: the same seen through the rest of the layer, so that a layer of opacity x
# never hides more than x of what is behind it.
MIX = """
        float vs_local{k} = 0.0;
        if (vs_alpha{k} > 0.0)
          {{
          float seen = vs_layer{k}.x * vs_alpha{k} * (1.0 - vs_own{k});
          vs_local{k} = seen / max(1.0 - vs_layer{k}.x * vs_own{k}, 1e-4);
          vs_own{k} += vs_alpha{k} * (1.0 - vs_own{k});
          vs_clear *= 1.0 - vs_local{k};
          vs_weight += vs_local{k};
          }}
"""

# What a volume adds waits until it amounts to a portion, and is then lit as one, at its mean place.
COLLECT = """
          if (vs_local{k} > 0.0)
            {{
            float part = vs_share * vs_local{k} / vs_weight;
            vs_waiting{k} += vec4(textureLod(in_colorTransferFunc_{k}[0], vec2(vs_value{k}, 0.0), 0.0).rgb, 1.0) * part;
            vs_place{k} += vs_t * part;
            vs_portion = max(vs_portion, vs_waiting{k}.a);
            }}
"""

FLUSH = """
        g_fragColor.rgb += vs_waiting{k}.a > (vs_running ? {portion} : 0.0) ? vs_lit{k}(vs_running ? {portion} : 1.0, vs_t - 1.0) :
        vec3(0.0);
"""

SHORTEN = """
        vs_inside{k}.y = vs_own{k} < 0.995 ? vs_inside{k}.y : -1.0;
        vs_end = max(vs_end, vs_inside{k}.y);
"""

LIT = """
vec4 vs_waiting{k};
float vs_place{k};
vec3 vs_start{k};
vec3 vs_way{k};
mat3 vs_toEye{k};
vec3 vs_cells{k};

// The light that up to a portion of what waits sends to the eye. What is over, part of the last sample, waits on: whole samples would make
// the light jump where one more sample falls into a portion.
vec3 vs_lit{k}(float portion, float last)
{{
  float over = max(vs_waiting{k}.a - portion, 0.0);
  float weight = max(vs_waiting{k}.a - over, 1e-6);
  vec3 colour = vs_waiting{k}.rgb / max(vs_waiting{k}.a, 1e-6);
  vec4 rest = vec4(colour, 1.0) * over;
  if (vs_material{k}.y > 0.0)
    {{
    vec3 at = vs_start{k} + vs_way{k} * ((vs_place{k} - over * last) / weight);
    vec3 x = vec3(1.0 / vs_cells{k}.x, 0.0, 0.0);
    vec3 y = vec3(0.0, 1.0 / vs_cells{k}.y, 0.0);
    vec3 z = vec3(0.0, 0.0, 1.0 / vs_cells{k}.z);
    vec3 slope = vec3(
      textureLod(in_volume[{k}], at + x, 0.0).r - textureLod(in_volume[{k}], at - x, 0.0).r,
      textureLod(in_volume[{k}], at + y, 0.0).r - textureLod(in_volume[{k}], at - y, 0.0).r,
      textureLod(in_volume[{k}], at + z, 0.0).r - textureLod(in_volume[{k}], at - z, 0.0).r);
    slope = vs_toEye{k} * (slope * 0.5 * vs_cells{k} * in_volume_scale[{k}].r);
    colour = vs_shaded(colour, slope, vs_layer{k}.y, vs_material{k}, -vs_ray);
    }}
  vs_waiting{k} = rest;
  vs_place{k} = over * last;
  return min(colour, 1.0) * weight;
}}
"""

MARCH = """
      float vs_first = 1e9;
      float vs_last = -1.0;
      {setup}
      mat4 vs_eyeMatrix = in_modelViewMatrix * in_volumeMatrix[0] * in_textureDatasetMatrix[0];
      vec3 vs_step = (vs_eyeMatrix * vec4(g_dirStep, 0.0)).xyz;
      float vs_length = length(vs_step);
      vs_ray = vs_step / vs_length;
      // Samples lie at whole steps from the eye plus a fixed pattern that turns rings of the step into fine grain: they do not depend on
      // the box around the volumes, so that moving one volume leaves the picture of the others alone.
      vec2 vs_pixel = floor(gl_FragCoord.xy - in_windowLowerLeftCorner) + vs_corner;
      float vs_phase = fract(52.9829189 * fract(dot(vs_pixel, vec2(0.06711056, 0.00583715))));
      float vs_eye = dot((vs_eyeMatrix * vec4(g_dataPos, 1.0)).xyz, vs_ray) / vs_length - vs_phase;
      float vs_offset = ceil(vs_eye) - vs_eye;
      vs_last = min(vs_last, g_terminatePointMax);
      float vs_t = vs_offset + ceil(max(vs_first - vs_offset, 0.0));
      bool vs_running = false;
      // Three loops in one: a processor that draws for eight pixels at once takes every branch of a loop's body for all of them, so what is
      // dear (light) or often needless (colour) stands outside the loop that crosses empty space.
      for (int vs_count = 0; vs_count < 1024 && vs_t <= vs_last && g_fragColor.a < 0.99; ++vs_count)
        {{
        float vs_stride = vs_running ? 1.0 : 2.0;
        while (vs_t <= vs_last && !vs_running)
          {{
          {probe}
          if ({nothing})
            {{
            vs_t += vs_stride;
            }}
          else if (vs_stride > 1.0)
            {{
            vs_t -= 1.0;
            vs_stride = 1.0;
            }}
          else
            {{
            break;
            }}
          }}
        // Where something begins, samples begin there: whole steps from the eye would draw rings on every surface.
        if (!vs_running && vs_t <= vs_last && vs_t > vs_first)
          {{
          float vs_before = vs_t - 1.0;
          float vs_hit = vs_t;
          for (int vs_halving = 0; vs_halving < 4; ++vs_halving)
            {{
            vs_t = 0.5 * (vs_before + vs_hit);
            {probe}
            if ({nothing})
              {{
              vs_before = vs_t;
              }}
            else
              {{
              vs_hit = vs_t;
              }}
            }}
          vs_t = vs_hit;
          }}
        vs_running = false;
        while (vs_t <= vs_last)
          {{
          {probe}
          if ({nothing})
            {{
            break;
            }}
          float vs_weight = 0.0;
          float vs_clear = 1.0;
          float vs_portion = 0.0;
          {mix}
          float vs_share = (1.0 - g_fragColor.a) * (1.0 - vs_clear);
          g_fragColor.a += vs_share;
          {collect}
          vs_t += 1.0;
          if (vs_portion > {portion} || g_fragColor.a > 0.99)
            {{
            vs_running = true;
            break;
            }}
          }}
        // Behind what hides all it ever will there is nothing left to find.
        float vs_end = -1.0;
        {shorten}
        vs_last = min(vs_last, vs_end);
        vs_running = vs_running && g_fragColor.a <= 0.99 && vs_t <= vs_last;
        {flush}
        }}
      if (g_fragColor.a > 0.99)
        {{
        g_fragColor /= g_fragColor.a;
        }}
      break;
"""


def extension_texts(count: int) -> tuple[tuple[str, str], ...]:
    """What to put where in VTK's fragment shader, for a number of volumes.

    Parameters
    ----------
    count : int
        Volumes in the mapper; their ports are 0 to count - 1.

    Returns
    -------
    tuple of (tag, text)
        Each text takes the place of VTK's own at that tag of ``raycasterfs.glsl``.

    Notes
    -----
    Uniforms per volume k: ``vs_material<k>`` = (ambient, diffuse, specular, shininess), diffuse 0 for unlit; ``vs_layer<k>`` = (opacity of
    the layer, millimetres of a surface's thickness over the window's width in texture units, 0, 0). ``vs_corner``: where the lower left
    pixel lies in a larger picture.
    """
    every = range(count)
    march = MARCH.format(
        setup="".join(SETUP.format(k=k, port=k + 1) for k in every),
        probe="".join(PROBE.format(k=k) for k in every),
        nothing=" && ".join(f"vs_alpha{k} == 0.0" for k in every),
        mix="".join(MIX.format(k=k) for k in every),
        collect="".join(COLLECT.format(k=k) for k in every),
        flush="".join(FLUSH.format(k=k, portion=PORTION) for k in every),
        shorten="".join(SHORTEN.format(k=k) for k in every),
        portion=PORTION,
    )
    functions = DECLARATIONS + "".join(LIT.format(k=k) for k in every)
    return (("//VTK::ComputeRayDirection::Dec", functions + "//VTK::ComputeRayDirection::Dec"), ("//VTK::Shading::Impl", march))
